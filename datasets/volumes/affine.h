// Where voxels lie in the patient: the affine map from voxel indices to millimetres, and the names of its axes.
#pragma once

#include <array>
#include <string>

namespace medusa::datasets {

using Vec3 = std::array<double, 3>;
using Mat3 = std::array<Vec3, 3>;  // rows

// millimetres = m[.][0..2] (i, j, k) + m[.][3]: the upper three rows of the 4 x 4 matrix that nibabel calls affine.
// The millimetres are RAS+: x grows to the patient's right, y to anterior (the face), z to superior (the head).
// DICOM, ITK (MetaImage) and most of NRRD count LPS+ instead: x and y are negated; see flip_xy.
struct Affine {
  std::array<std::array<double, 4>, 3> m{{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};

  // `direction`: its column a is the unit vector along which voxel index a grows.
  static Affine from(const Vec3& spacing, const Mat3& direction, const Vec3& origin);

  Vec3 apply(const Vec3& ijk) const;
  Vec3 spacing() const;    // length of each column: mm from voxel to voxel along i, j, k
  Mat3 direction() const;  // columns divided by their length; a column of length 0 stays 0
  Vec3 origin() const { return {m[0][3], m[1][3], m[2][3]}; }  // the centre of voxel (0, 0, 0)
  double determinant() const;
  bool finite() const;
  bool operator==(const Affine&) const = default;
};

// First b, then a.
Affine operator*(const Affine& a, const Affine& b);
// From millimetres to voxel indices.  Throws Error if the map is flat (determinant 0) or not finite.
Affine inverse(const Affine& affine);
// From LPS+ to RAS+ millimetres, and back: the rows of x and y negated.
Affine flip_xy(const Affine& affine);

// Three letters: the side (of Left Right, Posterior Anterior, Inferior Superior) to which i, j and k grow, "RAS" for
// axes along the millimetre axes.  For oblique axes the nearest sides, each pair used once: as nibabel's aff2axcodes.
// '?' for an axis that goes nowhere.
std::string orientation(const Affine& affine);

}  // namespace medusa::datasets

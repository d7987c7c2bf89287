// A volume: voxel values, and where in the patient each of them lies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/formats/scalar_type.h"
#include "datasets/volumes/affine.h"
#include "tensor/tensor.h"

namespace medusa::datasets {

// Axis W of the tensor is the file's first voxel index i, H is j, D is k: in memory i runs fastest, as in NIfTI,
// MetaImage and NRRD files.  C is 1 for a scan; more for vectors, colours and time points.  A picture has D = 1.
struct Volume {
  Tensor values;     // [D, H, W, C], in `unit`: slope and intercept are applied already
  Affine affine;     // (i, j, k) to RAS+ mm
  std::string unit;  // "HU", "Gy", ...; "" where the file does not say, as most do not

  // How the file held it, so that it can be written back in the same way.
  ScalarType stored = ScalarType::Float32;
  double slope = 1, intercept = 0;       // value = slope * stored number + intercept
  std::vector<std::int64_t> file_shape;  // sizes in the order of the file's header; channels where the file has them
  std::string file_orientation;          // code of the file's own axes: see to_file_orientation
  // How many numbers of the file a `real` cannot hold exactly: whole numbers beyond 2^24 and most of float64 are
  // rounded to the nearest where real is float.  Values made by slope and intercept are rounded too, and not counted.
  std::int64_t rounded = 0;

  std::int64_t depth() const { return values.size(0); }
  std::int64_t height() const { return values.size(1); }
  std::int64_t width() const { return values.size(2); }
  std::int64_t channels() const { return values.size(3); }
  Vec3 spacing() const { return affine.spacing(); }      // mm along i, j, k: the axes W, H, D
  Mat3 direction() const { return affine.direction(); }  // RAS+ direction cosines, one column for each of i, j, k
  Vec3 origin() const { return affine.origin(); }        // RAS+ mm of the centre of voxel (0, 0, 0)
  real at(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t c = 0) const;
};

// A volume of `values` [D, H, W, C] (or [D, H, W]) on the grid of `affine`.  Throws Error for another rank.
Volume make_volume(const Tensor& values, const Affine& affine, ScalarType stored = ScalarType::Float32,
                   const std::string& unit = "");

// Each value becomes f(value), in place: the memory must be the volume's own.
template <class F>
void change_values(Volume* volume, const F& f) {
  real* values = volume->values.mutable_data();
  for (std::int64_t i = 0; i < volume->values.numel(); ++i) values[i] = f(values[i]);
}

// The same voxels with axes swapped and mirrored so that `orientation` becomes `code`, any three letters with one of
// each pair LR, PA, IS; the affine follows, so no voxel moves in the patient.  Nothing is interpolated: an oblique scan
// stays oblique.  Throws InputError for another code, and with `name` where the affine is flat or not finite.
Volume to_orientation(const Volume& volume, const std::string& code, const std::string& name = "volume");
// The one orientation in which everything else works: i to the right, j to anterior, k to superior, as near as can be.
Volume to_ras(const Volume& volume, const std::string& name = "volume");
// Back to the axes that the file had; the volume unchanged if it did not come from a file.
Volume to_file_orientation(const Volume& volume);

}  // namespace medusa::datasets

// A smooth random deformation, like that of soft tissue: the same for an image and its labels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "datasets/volumes/affine.h"

namespace medusa::datasets {

// Displacements at the points of a coarse lattice, kCells cells along each side, and between them uniform cubic
// B-splines (free-form deformation: Rueckert et al., IEEE Trans. Med. Imaging 18:712, 1999).
class Elastic {
 public:
  static constexpr std::int64_t kCells = 4;
  // Lattice points that move by less than 0.4 of a cell cause no folding (Choi and Lee, "Injectivity conditions of 2D
  // and 3D uniform cubic B-spline functions", Graphical Models 62:411, 2000): 0.1 of the side.
  static constexpr double kMost = 0.1;

  Elastic() = default;  // moves nothing
  // `sides`: voxels along depth, height, width.  No voxel moves by more than `reach` (0 to kMost) of a side along it;
  // along a side of one voxel nothing moves.
  Elastic(double reach, const std::array<std::int64_t, 3>& sides, std::uint64_t seed, std::uint64_t stream);

  bool moves() const { return !lattice_.empty(); }
  // By how many voxels (depth, height, width) each voxel of row (z, y) moves; one entry for each along the width.
  void row(std::int64_t z, std::int64_t y, std::vector<Vec3>* shifts) const;

 private:
  static constexpr std::int64_t kPoints = kCells + 3;
  // The four lattice points that move voxel i of an axis: the first of them, and their weights.
  struct Place {
    std::int64_t first = 0;
    std::array<double, 4> share{};
  };
  std::vector<Vec3> lattice_;                 // [kPoints, kPoints, kPoints], in voxels
  std::array<std::vector<Place>, 3> places_;  // of each voxel along depth, height, width
};

}  // namespace medusa::datasets

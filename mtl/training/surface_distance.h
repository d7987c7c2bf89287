// How far the surface of a predicted structure lies from that of the true one.
#pragma once

#include <cstdint>
#include <vector>

namespace medusa::mtl {

// A binary image: 0 or 1 for each voxel, row-major.
struct BinaryImage {
  std::vector<std::uint8_t> voxels;
  std::vector<std::int64_t> shape;  // [D,] H, W
  std::vector<double> spacing;      // between voxels along these axes
};

// The squared Euclidean distance from each voxel to the nearest one of the image that is 1; infinite if none is.
// Exact, in time proportional to the number of voxels: the lower envelope of parabolas, axis by axis (Felzenszwalb and
// Huttenlocher, "Distance transforms of sampled functions", 2012, section 3).
std::vector<double> squared_distances(const BinaryImage& image);

// The voxels of the image that have a neighbour across a face which is 0 or beyond the image's border.
std::vector<std::uint8_t> surface_of(const BinaryImage& image);

// In the unit of the spacing.  With S_A and S_B the two surfaces and d their voxels' distances to the other surface:
struct SurfaceDistances {
  // The larger of both directions' 95th percentiles (linear interpolation), as Metrics Reloaded has it.
  double hd95 = 0;
  double assd = 0;  // mean of d over S_A and S_B together
  double nsd = 0;   // the share of S_A and S_B with d <= tolerance
};
// Both images have one shape and spacing.  As Metrics Reloaded (Maier-Hein et al. 2024) says of empty images: two are
// alike (0, 0, 1); if only one is empty, nsd is 0, and no distance exists: the image's diagonal stands for it, the
// worst that could be.
SurfaceDistances surface_distances(const BinaryImage& a, const BinaryImage& b, double tolerance);

}  // namespace medusa::mtl

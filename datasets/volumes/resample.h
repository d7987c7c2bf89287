// Volumes on other grids: another spacing, another size; and a window of intensities.
#pragma once

#include <array>
#include <cstdint>

#include "datasets/volumes/volume.h"

namespace medusa::datasets {

// What the numbers of a volume are.  Amounts are blended; labels never are: 1 and 3 do not make a 2.
enum class Content { Amounts, Labels };

using Size3 = std::array<std::int64_t, 3>;  // voxels along i, j, k: axes W, H, D of the tensor
Size3 size_of(const Volume& volume);

// The grid of `spacing` mm along i, j, k, with the axes and the middle of `volume`.  An axis of n voxels of s mm gets
// n s / spacing of them, rounded to the nearest (half up), at least one.  Throws InputError if a spacing is not
// positive, or the grid would have more than 2^31 voxels.
struct VolumeGrid {
  Affine affine;
  Size3 size;
};
VolumeGrid grid_of(const Volume& volume);
VolumeGrid grid_at_spacing(const Volume& volume, const Vec3& spacing);

// The volume on another grid whose axes are parallel to its own (a scan that lies oblique stays so).
//   Amounts: a triangle filter along each axis, as wide as one voxel of the coarser of both grids.  Where the new grid
//            is finer this is linear interpolation; where it is coarser every voxel contributes (no aliasing).
//   Labels:  the label to which that filter gives the most weight; the smallest of equals.
// Places beyond the volume get what lies at its nearest face.  Throws Error if the axes are not parallel.
Volume resample_to(const Volume& volume, const VolumeGrid& grid, Content content);
inline Volume resample(const Volume& volume, const Vec3& spacing, Content content) {
  return resample_to(volume, grid_at_spacing(volume, spacing), content);
}

// What lies on the grid `from`, channel `channel` of values [.., C], on the grid of `own` (Amounts): a volume as `own`
// in all else, without slope and intercept.  Throws Error if the number of values is not the grid's.
Volume channel_on(const Tensor& values, std::int64_t channel, const VolumeGrid& from, const Volume& own);

// The box of `size` voxels whose first voxel is `first` (which may lie outside); voxels outside the volume become
// `outside`.  No voxel moves in the patient.  Throws Error if a size is below 1.
Volume box(const Volume& volume, const Size3& first, const Size3& size, real outside);
// Cropped or padded about the middle to `size`; the far end takes the larger part of an odd difference.
Volume crop_or_pad(const Volume& volume, const Size3& size, real outside);

// (value - low) / (high - low), clamped to 0..1: what a network sees of a CT, such as -1100 to 300 HU of a chest.
// Throws InputError if high is not above low.
Volume window(const Volume& volume, double low, double high);

}  // namespace medusa::datasets

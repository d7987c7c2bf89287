// Contours and doses on the grid of a scan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dicom/rt.h"
#include "datasets/volumes/volume.h"

namespace medusa::datasets {

struct VoxelGrid {
  std::int64_t depth = 0, height = 0, width = 0;
  Affine affine;  // (i, j, k) to RAS+ mm
  std::int64_t voxels() const { return depth * height * width; }
};

struct DicomMask {
  std::vector<std::uint8_t> values;  // [D, H, W]: 1 inside, 0 outside
  std::int64_t voxels = 0;           // inside
  // Contours that left no trace: off the grid, not parallel to its slices, or of a plane further from its slice than
  // another plane of the same structure.
  std::int64_t outside = 0, oblique = 0, crowded = 0;
  std::int64_t duplicates = 0;            // contours left out because their slice has the same one already
  std::int64_t empty_slices = 0;          // between the structure's first and last slice
  std::vector<std::int64_t> overlapping;  // slices with two contours that share voxels, neither within the other
  std::vector<std::int64_t> cancelled;    // slices whose contours have voxels, but each an even number of times
};

// A voxel is inside where its centre lies within an odd number of the structure's contours in its slice (XOR): an
// outline within an outline is a hole, and so is one that a keyhole leads to.  Of contours of a slice that are the
// same, whatever their first point and direction, one counts.  A centre on the boundary belongs to the side of
// growing i and j.  A contour belongs to the slice that is nearest, at most half a step away.
DicomMask rasterise(const DicomRoi& roi, const VoxelGrid& grid);
// What of a structure is not in its mask, or not as drawn: a line each.
std::vector<std::string> mask_notes(const DicomRoi& roi, const DicomMask& mask, const VoxelGrid& grid);

// Gy at each voxel's centre, trilinear between the centres of the dose's voxels; 0 outside of these.  [D, H, W].
// Throws InputError for a dose of a single row, column or plane.
Tensor resample_dose(const DicomDose& dose, const VoxelGrid& grid);

}  // namespace medusa::datasets

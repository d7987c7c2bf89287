// What a user should know of a structure's mask.
#include "datasets/dicom/grid.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

// "2 slices (z 24 mm, 27 mm)": by the place of their centre, LPS+.
std::string slices_text(const std::vector<std::int64_t>& slices, const VoxelGrid& grid) {
  std::vector<std::string> places;
  for (const std::int64_t slice : slices) {
    const Vec3 centre = grid.affine.apply({static_cast<double>(grid.width - 1) / 2,
                                           static_cast<double>(grid.height - 1) / 2, static_cast<double>(slice)});
    places.push_back(fmt::format("{:.6g} mm", centre[2]));
  }
  return fmt::format("{} slice{} (z {})", slices.size(), slices.size() == 1 ? "" : "s", first_names(places));
}

}  // namespace

std::vector<std::string> mask_notes(const DicomRoi& roi, const DicomMask& mask, const VoxelGrid& grid) {
  std::vector<std::string> notes;
  std::vector<std::string> losses;
  const auto add = [&losses](std::int64_t n, const char* what) {
    if (n) losses.push_back(fmt::format("{} {}", n, what));
  };
  add(mask.outside, "contours beyond the first or last slice");
  add(mask.oblique, "contours not parallel to the slices");
  add(mask.crowded, "contours further from a slice than others of the same structure");
  add(roi.left_out, "points or open lines");
  if (!losses.empty()) notes.push_back(fmt::format("structure {}: left out: {}", roi.name, fmt::join(losses, ", ")));
  if (mask.duplicates)
    notes.push_back(
        fmt::format("structure {}: {} contours repeat one of their slice, and count once", roi.name, mask.duplicates));
  if (!mask.overlapping.empty())
    notes.push_back(fmt::format("structure {}: contours overlap, and what two of them share is outside: {}", roi.name,
                                slices_text(mask.overlapping, grid)));
  if (!mask.cancelled.empty())
    notes.push_back(fmt::format("structure {}: the contours cancel each other, nothing is left of {}", roi.name,
                                slices_text(mask.cancelled, grid)));
  if (mask.empty_slices)
    notes.push_back(
        fmt::format("structure {}: {} slices between its first and last have no contour", roi.name, mask.empty_slices));
  if (mask.voxels == 0) {
    const char* why = roi.contours.empty()     ? "has no closed contour"
                      : mask.cancelled.empty() ? "no voxel's centre lies within its contours"
                                               : "nothing is left of its contours";
    notes.push_back(fmt::format("structure {}: {}, so there is no mask of it", roi.name, why));
  }
  return notes;
}

}  // namespace medusa::datasets

// libFuzzer entry: any structure set gives masks that keep their promises, or an InputError.  Bytes that are no DICOM
// file are outlines: points of three 16-bit numbers, an outline ends where the first is -1.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/dicom/case.h"
#include "datasets/dicom/grid.h"
#include "tensor/check.h"

namespace {

using namespace medusa;
using namespace medusa::datasets;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

// Voxels of a power of two mm, so that sums of the outlines' numbers are exact in any order.
VoxelGrid small_grid() {
  VoxelGrid grid{4, 12, 16, {}};
  grid.affine = flip_xy(Affine::from({2, 2, 4}, {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {-16, -16, 32}));
  return grid;
}

DicomMask checked_mask(const DicomRoi& roi) {
  const VoxelGrid grid = small_grid();
  DicomMask mask = rasterise(roi, grid);
  require(static_cast<std::int64_t>(mask.values.size()) == grid.voxels());
  require(std::ranges::count(mask.values, 1) == mask.voxels);
  require(std::ranges::count(mask.values, 0) == grid.voxels() - mask.voxels);
  for (const std::int64_t slice : mask.cancelled) {
    const auto first = mask.values.begin() + slice * grid.height * grid.width;
    require(slice >= 0 && slice < grid.depth && std::count(first, first + grid.height * grid.width, 1) == 0);
  }
  for (const std::string& note : mask_notes(roi, mask, grid)) require(note.find('\n') == std::string::npos);
  const auto lost = mask.outside + mask.oblique + mask.crowded + mask.duplicates;
  require(lost >= 0 && lost <= static_cast<std::int64_t>(roi.contours.size()));
  return mask;
}

// Each outline again: nothing changes.  `turned`: the other way round, and from another point.
void twice(const DicomRoi& roi, const DicomMask& once, bool turned) {
  DicomRoi both = roi;
  for (DicomContour contour : roi.contours) {
    if (turned) {
      std::ranges::reverse(contour);
      std::rotate(contour.begin(), contour.begin() + static_cast<std::ptrdiff_t>(contour.size() / 3), contour.end());
    }
    both.contours.push_back(std::move(contour));
  }
  require(checked_mask(both).values == once.values);
}

void outlines(const std::uint8_t* data, std::size_t size) {
  DicomRoi roi;
  DicomContour contour;
  for (std::size_t i = 0; i + 6 <= size; i += 6) {
    Vec3 p;
    for (std::size_t c = 0; c < 3; ++c) {
      const int high = static_cast<std::int8_t>(data[i + 2 * c + 1]);
      p[c] = static_cast<double>(high * 256 + data[i + 2 * c]) / 64;
    }
    if (p[0] != -1.0 / 64) {
      contour.push_back(p);
      continue;
    }
    if (contour.size() >= 3) roi.contours.push_back(contour);
    contour.clear();
  }
  if (contour.size() >= 3) roi.contours.push_back(contour);
  twice(roi, checked_mask(roi), true);
}

void structure_set(const DicomStructures& set) {
  std::vector<std::string> keys;
  for (const DicomRoi& roi : set.rois) {
    const std::string key = structure_key(roi.name, keys);
    require(!key.empty() && key.find('/') == std::string::npos && std::ranges::count(keys, key) == 0);
    keys.push_back(key);
    twice(roi, checked_mask(roi), false);
  }
  for (const std::string& note : set.notes) require(note.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!have_dicom()) return 0;
  try {
    if (!looks_like_dicom({data, size})) {
      outlines(data, size);
      return 0;
    }
    const DicomFile file = DicomFile::parse({data, size}, "input");
    structure_set(read_dicom_structures(file.root()));
  } catch (const InputError&) {
  }
  return 0;
}

// DCMTK reads its dictionary when it is first used: that must not count as the first input's time.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  static const std::uint8_t kTag[] = {8, 0, 5, 0, 0, 0, 0, 0};
  return LLVMFuzzerTestOneInput(kTag, sizeof kTag);
}

// Predictions for scans in files of their own: NIfTI, MetaImage, NRRD in, NIfTI out.
#pragma once

#include <string>
#include <vector>

#include "tools/openkbp/scores.h"

namespace medusa::tools {

// What the training patients were like: voxels per side, and mm from voxel to voxel along depth, height, width.
struct KbpGrid {
  std::int64_t side = 128;
  datasets::Vec3 spacing{};
  bool known = true;  // false: the run does not say, spacing is that of most patients of the challenge
};
// From RUN/dataset.toml, where there is one.  Throws InputError where it is damaged.
KbpGrid grid_of_run(const std::string& run_folder, std::int64_t side);

// A CT in HU, any spacing and orientation, through a network that was trained on OpenKBP's patients: turned and
// resampled to what these are like (their axes, spacing and cuts), seen through the window, or one as large as the
// training's volumes, and brought back.  Writes  <stem>_dose.nii.gz  (Gy, at least
// 0) and <stem>_<structure>.nii.gz  (0 and 1) with the grid of the file.  Returns a line for people.  Throws InputError
// where the volume cannot be read or has several channels.
std::string predict_volume(mtl::Model& model, const KbpGrid& grid, const std::string& file,
                           const mtl::SlidingWindow& window, const std::string& stem);

}  // namespace medusa::tools

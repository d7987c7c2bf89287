// Predictions for scans in files of their own: NIfTI, MetaImage, NRRD in, NIfTI out.
#pragma once

#include <string>
#include <vector>

#include "tools/common_openkbp.h"

namespace medusa::tools {

// The files with volumes at `input`: itself, or those in the folder (not searched deeper), sorted; none for a folder
// without any.
std::vector<std::string> volume_files(const std::string& input);

// A CT in HU, any spacing and orientation, through a network that was trained on OpenKBP's patients with volumes of
// `side`^3 voxels: turned and resampled to what these are like (their axes; 3.9 x 3.9 x 2.5 mm at 128^3), seen through
// the window, or one as large as the training's volumes, and brought back.  Writes  <stem>_dose.nii.gz  (Gy, at least
// 0) and <stem>_<structure>.nii.gz  (0 and 1) with the grid of the file.  Returns a line for people.  Throws InputError
// where the volume cannot be read or has several channels.
std::string predict_volume(mtl::Model& model, std::int64_t side, const std::string& file,
                           const mtl::SlidingWindow& window, const std::string& stem);

}  // namespace medusa::tools

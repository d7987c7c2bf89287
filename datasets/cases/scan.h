// A scan or picture from any source: as a network sees it, and the network's answers on its own grid.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/case_dataset.h"
#include "datasets/volumes/resample.h"

namespace medusa::datasets {

// How a case is fitted to the grid that the network saw in training.
enum class Fit {
  Cut,       // brought to the network's spacing, then cut or padded to its size
  Whole,     // brought to the network's spacing; all of it goes in, seen through a window of the network's size
  Stretched  // brought to the network's size, whatever its proportions; the answers are stretched back
};

struct CaseScan {
  Tensor input;           // [D, H, W, C], of pictures [H, W, C]: what CaseDataset::get makes of the same files
  Volume own;             // the first file's grid only (volumes: turned to RAS+); holds no values
  VolumeGrid seen;        // where the network's voxels lie
  bool picture = false;   // a PNG or JPEG
  double seen_share = 1;  // fraction of its own voxels that the network sees
  std::string name;       // of the first file, for messages
  Fit fit = Fit::Cut;
};

// A file for each of the plan's inputs.  `size`: depth (0: pictures), height, width.  Throws InputError as read_case.
CaseScan read_scan(const CasePlan& plan, const std::vector<std::string>& files, const Extent& size);

// The same for networks that see a scan whole: turned to the axes `axes` (three letters, see to_orientation), its
// intensities clipped and normalised, then brought to the plan's spacing.  Throws InputError if the plan has more than
// one input, or the file a different number of channels.
CaseScan read_whole_scan(const CasePlan& plan, const std::vector<std::string>& files, const std::string& axes);
// A PNG or JPEG for networks whose pictures were resized in 8 bits, as images/image.h does, and then normalised by mean
// and std of the one input, of 3 channels.  `own` has the picture's size and no position.
CaseScan read_stretched_picture(const CasePlan& plan, const std::vector<std::string>& files, const Extent& size);

// Channel `channel` of values [1, S, C] on the network's grid, interpolated onto the scan's own (volumes/resample.h:
// Amounts), with `outside` where the network saw nothing: a volume of float32 without a unit.
Volume on_own_grid(const CaseScan& scan, const Tensor& values, std::int64_t channel, real outside);

}  // namespace medusa::datasets

// A scan or picture that need not be in a dataset: as a network sees it, and what the network says on its own grid.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/case_dataset.h"
#include "datasets/volumes/resample.h"

namespace medusa::datasets {

struct CaseScan {
  Tensor input;           // [D, H, W, C], of pictures [H, W, C]: what CaseDataset::get makes of the same files
  Volume own;             // the first file's grid (volumes: turned to RAS+); its values are none
  VolumeGrid seen;        // where the network's voxels lie
  bool picture = false;   // a PNG or JPEG
  double seen_share = 1;  // part of the own voxels that lie within what the network sees
};

// A file for each of the plan's inputs.  `size`: depth (0: pictures), height, width.  Throws InputError as read_case.
CaseScan read_scan(const CasePlan& plan, const std::vector<std::string>& files, const Grid& size);

// Channel `channel` of values [1, S, C] on the network's grid, blended onto the scan's own (transforms/resample.h:
// Amounts), with `outside` where the network saw nothing: a volume as the scan's file has it, of float32 without a
// unit.
Volume on_own_grid(const CaseScan& scan, const Tensor& values, std::int64_t channel, real outside);

}  // namespace medusa::datasets

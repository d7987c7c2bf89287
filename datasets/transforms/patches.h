// Pieces of samples: what a network is trained on where whole volumes do not fit into memory.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/extent.h"

namespace medusa::datasets {

struct PatchOptions {
  Extent size;  // empty: whole samples
  // The fraction of patches placed on the foreground: one of the structures and classes in the sample (except class 0,
  // the background) is chosen, all equally likely, then one of its voxels, and the patch is centred on that as far as
  // the sample's edges allow.  The others lie anywhere.
  double foreground = 0.5;
};

// Throws InputError if a patch does not fit into an input [S, C], or `foreground` is outside 0..1.
void check(const PatchOptions& patch, const Shape& input);

// A patch of the sample: input and pixel-level targets are cut, the others stay.  A pure function of its arguments.
Sample random_patch(const Sample& sample, const std::vector<TargetInfo>& targets, const PatchOptions& patch,
                    std::uint64_t seed, std::int64_t epoch, std::int64_t index);

}  // namespace medusa::datasets

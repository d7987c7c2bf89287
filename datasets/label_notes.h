// What is missing among the labels of a split: found before anything is trained, since no metric tells it later.
#pragma once

#include <string>
#include <vector>

#include "datasets/split.h"

namespace medusa::datasets {

// A line for each target, of those whose places are in `targets`, that
//   has no label in a part that has samples,
//   has a class that is in no sample, or in none of a part, or
//   has labels of one class alone in a part.
// Only labels count that are known without decoding files (Dataset::known_label).
std::vector<std::string> label_notes(const Dataset& dataset, const Split& split,
                                     const std::vector<std::size_t>& targets);

}  // namespace medusa::datasets

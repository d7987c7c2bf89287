// Which samples train, which validate, which test: by whole groups, so that no lesion is on both sides.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"

namespace medusa::datasets {

// If the dataset is distributed in parts (Dataset::part), these are the sets, whatever seed and fractions say.
// Indices into the dataset, each list ascending; together they are all samples.
struct Split {
  std::vector<std::int64_t> train, val, test;
};

// Shuffles the groups by `seed` and gives val_fraction of them to val, test_fraction to test (each rounded, at least
// one group where the fraction is above 0), the rest to train.  Depends on the group names, not on the order of
// samples.  Throws InputError if a fraction is not in [0, 1), or, with `for_training`, if nothing is left to train on;
// evaluation may be given test patients alone.
Split make_split(const Dataset& dataset, std::uint64_t seed, double val_fraction, double test_fraction,
                 bool for_training = true);

// How many of `indices` have each class of target number `target` (of kind classification).  Samples without a label do
// not count.
std::vector<std::int64_t> class_counts(const Dataset& dataset, const std::vector<std::int64_t>& indices,
                                       std::size_t target);

}  // namespace medusa::datasets

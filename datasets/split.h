// Which samples train, which validate, which test: by whole groups, so that no lesion is on both sides.
#pragma once

#include <cstdint>
#include <string>
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

// Part `fold` of K-fold cross-validation: the groups are divided into `folds` parts, of which number `fold` (from 0) is
// the test part; val_fraction of the other groups validate, at least one where it is above 0.  Both divisions are
// stratified as far as whole groups allow: each part gets its share of the samples and of every class and label that is
// known without decoding files (Dataset::known_label), the groups with the most and the rarest ones first.  A function
// of `seed` and the group names alone: every sample is in the test part of exactly one fold.
struct Fold {
  std::int64_t folds = 0, fold = 0;
  std::uint64_t seed = 0;
};
// Throws InputError if there are fewer groups than folds, if nothing is left to train on, and for a dataset that is
// distributed in parts, whose test part must stay what it is.
Split make_fold(const Dataset& dataset, const Fold& fold, double val_fraction, bool for_training = true);

// The parts that a CSV file says: a column `part` of train, val and test, and a column `id`, which names a sample in
// each row, or `group`, which names all samples of a group.  With both, `group` must be what the dataset says.  Throws
// InputError with file:line for an unknown name, one that is there twice, a group in two parts; and if a sample is not
// named, train or val is empty, or the dataset is distributed in parts.
Split read_split(const Dataset& dataset, const std::string& file);
// The text of such a file: the ids of the parts.
std::string split_text(const std::vector<std::string>& train, const std::vector<std::string>& val,
                       const std::vector<std::string>& test);

// How many of `indices` have each class of target number `target` (of kind classification).  Samples without a label do
// not count.
std::vector<std::int64_t> class_counts(const Dataset& dataset, const std::vector<std::int64_t>& indices,
                                       std::size_t target);

}  // namespace medusa::datasets

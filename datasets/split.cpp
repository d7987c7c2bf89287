#include "datasets/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "tensor/random.h"

namespace medusa::datasets {
namespace {

std::size_t share(std::size_t groups, double fraction) {
  if (fraction == 0) return 0;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(fraction * static_cast<double>(groups))));
}

// The parts as distributed; nullopt if there are none.
std::optional<Split> distributed_split(const Dataset& dataset) {
  Split split;
  std::int64_t unknown = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::string part = dataset.part(i);
    MEDUSA_CHECK(part.empty() || part == "train" || part == "validation" || part == "test",
                 "split: {} belongs to an unknown part {}", dataset.id(i), part);
    if (part.empty()) ++unknown;
    (part == "test" ? split.test : part == "validation" ? split.val : split.train).push_back(i);
  }
  if (unknown == dataset.size()) return {};
  MEDUSA_CHECK(unknown == 0, "split: {} of {} samples belong to no part", unknown, dataset.size());
  return split;
}

using Members = std::map<std::string, std::vector<std::int64_t>>;  // sorted: independent of the order of samples

Members members_of(const Dataset& dataset) {
  Members members;
  for (std::int64_t i = 0; i < dataset.size(); ++i) members[dataset.group(i)].push_back(i);
  return members;
}

// The part of each group, by place.
Split gather(const std::vector<const std::vector<std::int64_t>*>& groups, const std::vector<int>& part_of) {
  Split split;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<std::int64_t>& side = part_of[g] == 0 ? split.train : part_of[g] == 1 ? split.val : split.test;
    side.insert(side.end(), groups[g]->begin(), groups[g]->end());
  }
  for (auto* side : {&split.train, &split.val, &split.test}) std::sort(side->begin(), side->end());
  return split;
}

}  // namespace

Split make_split(const Dataset& dataset, std::uint64_t seed, double val_fraction, double test_fraction,
                 bool for_training) {
  MEDUSA_CHECK_INPUT(val_fraction >= 0 && val_fraction < 1, "split: validation fraction is {}, expected 0 to 1",
                     val_fraction);
  MEDUSA_CHECK_INPUT(test_fraction >= 0 && test_fraction < 1, "split: test fraction is {}, expected 0 to 1",
                     test_fraction);
  if (std::optional<Split> distributed = distributed_split(dataset)) {
    MEDUSA_CHECK_INPUT(!for_training || !distributed->train.empty(), "split: the dataset has no training part");
    return *std::move(distributed);
  }
  const Members members = members_of(dataset);
  std::vector<const std::vector<std::int64_t>*> groups;
  for (const auto& [name, indices] : members) groups.push_back(&indices);
  Random(seed, stream_of("split")).shuffle(groups);

  const std::size_t val = share(groups.size(), val_fraction), test = share(groups.size(), test_fraction);
  MEDUSA_CHECK_INPUT(!for_training || val + test < groups.size(),
                     "split: {} groups, {} to validate and {} to test leave none to train on", groups.size(), val,
                     test);
  std::vector<int> part_of;
  for (std::size_t g = 0; g < groups.size(); ++g) part_of.push_back(g < val ? 1 : g < val + test ? 2 : 0);
  return gather(groups, part_of);
}

namespace {

// ---- stratified division --------------------------------------------------------------------------------------------

// What a group has of each kind of thing that is to be shared out evenly, as fractions of the whole: samples, and for
// each target every class, or whether there is a label.
using Counts = std::vector<double>;

// Where the label of a sample counts in its target's kinds: the last is "no label".
std::vector<std::size_t> kinds_of(const TargetInfo& target, const std::vector<real>& label, std::size_t kinds) {
  if (label.empty()) return {kinds - 1};
  if (target.traits().pixel_level || target.traits().in_units) return {0};
  if (target.traits().exclusive) return {static_cast<std::size_t>(label[0])};
  std::vector<std::size_t> present;  // of yes and no for each channel
  for (std::size_t c = 0; c < label.size(); ++c) present.push_back(2 * c + (label[c] > 0 ? 1 : 0));
  return present;
}

std::size_t kinds_of(const TargetInfo& target) {
  if (target.traits().pixel_level || target.traits().in_units) return 2;
  return (target.traits().exclusive ? std::max<std::size_t>(2, static_cast<std::size_t>(target.channels))
                                    : 2 * static_cast<std::size_t>(target.channels)) +
         1;
}

std::vector<Counts> counts_of(const Dataset& dataset, const std::vector<const std::vector<std::int64_t>*>& groups) {
  std::size_t kinds = 1;
  for (const TargetInfo& target : dataset.targets()) kinds += kinds_of(target);
  std::vector<Counts> counts(groups.size(), Counts(kinds, 0));
  Counts total(kinds, 0);
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::int64_t i : *groups[g]) {
      ++counts[g][0], ++total[0];
      std::size_t first = 1;
      for (std::size_t t = 0; t < dataset.targets().size(); ++t) {
        const TargetInfo& target = dataset.targets()[t];
        if (const auto label = dataset.known_label(i, t))
          for (std::size_t k : kinds_of(target, *label, kinds_of(target))) ++counts[g][first + k], ++total[first + k];
        first += kinds_of(target);
      }
    }
  for (Counts& group : counts)
    for (std::size_t k = 0; k < kinds; ++k) group[k] = total[k] > 0 ? group[k] / total[k] : 0;
  return counts;
}

// The part of each group, such that part p gets about shares[p] of everything (they sum to 1).  Greedily: the largest
// and rarest groups first, each to the part in which sum over kinds of (what the part has)^2 / share grows least, the
// method of Webster and Sainte-Lague for seats.
std::vector<int> divide(const std::vector<Counts>& groups, const std::vector<double>& shares) {
  std::vector<std::size_t> order(groups.size());
  std::vector<double> weight(groups.size(), 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    order[g] = g;
    for (double share : groups[g]) weight[g] += share;
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  std::vector<Counts> has(shares.size(), Counts(groups.empty() ? 0 : groups[0].size(), 0));
  std::vector<int> part_of(groups.size(), 0);
  for (std::size_t g : order) {
    std::size_t best = 0;
    double least = 0;
    for (std::size_t p = 0; p < shares.size(); ++p) {
      double growth = 0;
      for (std::size_t k = 0; k < groups[g].size(); ++k) growth += groups[g][k] * (2 * has[p][k] + groups[g][k]);
      growth /= shares[p];
      if (p == 0 || growth < least) best = p, least = growth;
    }
    for (std::size_t k = 0; k < groups[g].size(); ++k) has[best][k] += groups[g][k];
    part_of[g] = static_cast<int>(best);
  }
  return part_of;
}

void refuse_parts(const Dataset& dataset, const std::string& what) {
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    MEDUSA_CHECK_INPUT(dataset.part(i).empty(),
                       "{}: the dataset is distributed in parts ({} is of part {}), which stay", what, dataset.id(i),
                       dataset.part(i));
}

}  // namespace

Split make_fold(const Dataset& dataset, const Fold& fold, double val_fraction, bool for_training) {
  MEDUSA_CHECK_INPUT(fold.folds >= 2 && fold.fold >= 0 && fold.fold < fold.folds,
                     "split: fold {} of {}, expected 2 folds or more, counted from 0", fold.fold, fold.folds);
  MEDUSA_CHECK_INPUT(val_fraction >= 0 && val_fraction < 1, "split: validation fraction is {}, expected 0 to 1",
                     val_fraction);
  refuse_parts(dataset, "--folds");
  const Members members = members_of(dataset);
  std::vector<const std::vector<std::int64_t>*> groups;
  for (const auto& [name, indices] : members) groups.push_back(&indices);
  MEDUSA_CHECK_INPUT(static_cast<std::int64_t>(groups.size()) >= fold.folds,
                     "--folds {}: the dataset has only {} groups", fold.folds, groups.size());
  Random(fold.seed, stream_of("folds")).shuffle(groups);
  const std::vector<Counts> counts = counts_of(dataset, groups);
  const auto folds = static_cast<std::size_t>(fold.folds);
  const std::vector<int> fold_of = divide(counts, std::vector<double>(folds, 1.0 / static_cast<double>(folds)));

  std::vector<int> part_of(groups.size(), 2);
  std::vector<std::size_t> rest;
  std::vector<Counts> rest_counts;
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (fold_of[g] != fold.fold) {
      rest.push_back(g);
      rest_counts.push_back(counts[g]);
    }
  std::vector<int> validates(rest.size(), 0);
  if (val_fraction > 0) {
    validates = divide(rest_counts, {1 - val_fraction, val_fraction});
    if (std::count(validates.begin(), validates.end(), 1) == 0) validates.back() = 1;
  }
  for (std::size_t r = 0; r < rest.size(); ++r) part_of[rest[r]] = validates[r];
  Split split = gather(groups, part_of);
  MEDUSA_CHECK_INPUT(!for_training || !split.train.empty(),
                     "split: {} groups, {} to validate and {} to test leave none to train on", groups.size(),
                     std::count(part_of.begin(), part_of.end(), 1), std::count(part_of.begin(), part_of.end(), 2));
  return split;
}

std::vector<std::int64_t> class_counts(const Dataset& dataset, const std::vector<std::int64_t>& indices,
                                       std::size_t target) {
  MEDUSA_CHECK(target < dataset.targets().size() && !dataset.targets()[target].traits().pixel_level &&
                   dataset.targets()[target].has_class_numbers(),
               "class_counts: target {} is not a classification", target);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(dataset.targets()[target].channels), 0);
  for (std::int64_t i : indices) {
    const std::int64_t label = dataset.class_of(i, target);
    if (label >= 0) ++counts.at(static_cast<std::size_t>(label));
  }
  return counts;
}

}  // namespace medusa::datasets

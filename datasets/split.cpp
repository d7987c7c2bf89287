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
  std::map<std::string, std::vector<std::int64_t>> members;  // sorted by name: independent of the order of samples
  for (std::int64_t i = 0; i < dataset.size(); ++i) members[dataset.group(i)].push_back(i);
  std::vector<const std::vector<std::int64_t>*> groups;
  for (const auto& [name, indices] : members) groups.push_back(&indices);
  Random(seed, stream_of("split")).shuffle(groups);

  const std::size_t val = share(groups.size(), val_fraction), test = share(groups.size(), test_fraction);
  MEDUSA_CHECK_INPUT(!for_training || val + test < groups.size(),
                     "split: {} groups, {} to validate and {} to test leave none to train on", groups.size(), val,
                     test);
  Split split;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<std::int64_t>& side = g < val ? split.val : g < val + test ? split.test : split.train;
    side.insert(side.end(), groups[g]->begin(), groups[g]->end());
  }
  for (auto* side : {&split.train, &split.val, &split.test}) std::sort(side->begin(), side->end());
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

#include "mtl/training/matched_dataset.h"

#include <algorithm>

#include "tensor/check.h"

namespace medusa::mtl {
namespace {

using datasets::Dataset;
using datasets::Sample;
using datasets::Target;
using datasets::TargetInfo;

// How one target becomes a task's.
struct Match {
  std::size_t target = 0;           // its place in the dataset
  std::vector<std::size_t> places;  // of the target's classes among the task's; empty: the same order
  double factor = 1;                // amounts: the target's scale / the task's
};

std::vector<std::size_t> places_of(const TargetInfo& target, const Task& task) {
  if (target.classes == task.classes || target.classes.empty() || task.classes.empty()) return {};
  std::vector<std::size_t> places;
  for (const std::string& name : target.classes) {
    const auto found = std::find(task.classes.begin(), task.classes.end(), name);
    MEDUSA_CHECK_INPUT(found != task.classes.end(), "target {}: the data have a class {}, which the network lacks: {}",
                       task.name, name, fmt::join(task.classes, ", "));
    places.push_back(static_cast<std::size_t>(found - task.classes.begin()));
  }
  return places;
}

Match match(const Dataset& dataset, const Task& task) {
  const std::vector<TargetInfo>& targets = dataset.targets();
  std::vector<std::string> names;
  for (const TargetInfo& t : targets) names.push_back(t.name);
  const auto found = std::find(names.begin(), names.end(), task.name);
  MEDUSA_CHECK_INPUT(found != names.end(),
                     "the data have no target {}, which the network was trained on; they have: {}", task.name,
                     fmt::join(names, ", "));
  Match m;
  m.target = static_cast<std::size_t>(found - names.begin());
  const TargetInfo& target = targets[m.target];
  MEDUSA_CHECK_INPUT(target.kind == task.kind, "target {}: is {} in the data, {} in the network", task.name,
                     name(target.kind), name(task.kind));
  MEDUSA_CHECK_INPUT(target.unit == task.unit, "target {}: is in '{}' in the data, in '{}' in the network", task.name,
                     target.unit, task.unit);
  MEDUSA_CHECK_INPUT(target.channels == task.channels && (target.classes.size() == task.classes.size() ||
                                                          target.classes.empty() || task.classes.empty()),
                     "target {}: the data have {} classes or channels ({}), the network {} ({})", task.name,
                     target.channels, fmt::join(target.classes, ", "), task.channels, fmt::join(task.classes, ", "));
  m.places = places_of(target, task);
  m.factor = target.scale / task.scale;
  return m;
}

// Values [.., C] with channel c at places[c].
Tensor permuted(const Tensor& values, const std::vector<std::size_t>& places) {
  Tensor out = Tensor::empty(values.shape());
  const std::int64_t channels = values.size(-1);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    out.mutable_data()[i - i % channels + static_cast<std::int64_t>(places[static_cast<std::size_t>(i % channels)])] =
        values.data()[i];
  return out;
}

class Matched : public Dataset {
 public:
  Matched(const Dataset& dataset, const std::vector<Task>& tasks) : dataset_(dataset) {
    for (const Task& task : tasks) {
      targets_.push_back(task);
      matches_.push_back(match(dataset, task));
    }
  }

  std::int64_t size() const override { return dataset_.size(); }
  const std::vector<TargetInfo>& targets() const override { return targets_; }
  std::string id(std::int64_t index) const override { return dataset_.id(index); }
  std::string group(std::int64_t index) const override { return dataset_.group(index); }
  std::string part(std::int64_t index) const override { return dataset_.part(index); }
  Shape input_shape() const override { return dataset_.input_shape(); }
  std::vector<std::string> notes() const override { return dataset_.notes(); }
  std::string description() const override { return dataset_.description(); }
  Sample get(std::int64_t index) const override { return as_tasks(dataset_.get(index)); }
  Sample get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const override {
    return as_tasks(dataset_.get_augmented(index, seed, epoch));
  }

 private:
  Sample as_tasks(Sample sample) const {
    std::vector<Target> targets;
    for (std::size_t t = 0; t < matches_.size(); ++t)
      targets.push_back(as_task(targets_[t], matches_[t], sample.targets[matches_[t].target]));
    sample.targets = std::move(targets);
    return sample;
  }

  static Target as_task(const TargetInfo& task, const Match& m, Target target) {
    if (!target.value) return target;
    if (task.traits().in_units && m.factor != 1) {
      target.value = target.value.clone();
      for (std::int64_t i = 0; i < target.value.numel(); ++i)
        target.value.mutable_data()[i] = static_cast<real>(static_cast<double>(target.value.data()[i]) * m.factor);
    }
    if (m.places.empty()) return target;
    if (!task.has_class_numbers()) {
      target.value = permuted(target.value, m.places);
      if (task.traits().channel_mask && target.mask) target.mask = permuted(target.mask, m.places);
      return target;
    }
    target.value = target.value.clone();
    for (std::int64_t i = 0; i < target.value.numel(); ++i)
      target.value.mutable_data()[i] = static_cast<real>(m.places[static_cast<std::size_t>(target.value.data()[i])]);
    return target;
  }

  const Dataset& dataset_;
  std::vector<TargetInfo> targets_;
  std::vector<Match> matches_;
};

}  // namespace

std::unique_ptr<Dataset> matched(const Dataset& dataset, const std::vector<Task>& tasks) {
  return std::make_unique<Matched>(dataset, tasks);
}

}  // namespace medusa::mtl

#include "mtl/training/selection.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace medusa::mtl {

namespace {

constexpr double kFloor = 1e-3;  // of a metric: a Dice of 0 has no logarithm
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The mean over the group of +-of(primary metric) where it is defined.
template <class F>
double signed_mean(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group,
                   const std::function<std::string(const Task&)>& judged_by, const F& of) {
  double sum = 0;
  int count = 0;
  for (std::size_t t : group) {
    const Metric& primary = metric(judged_by(tasks[t]));
    const double value = evaluation[t].metrics.at(primary.name);
    if (std::isnan(value)) continue;
    sum += (primary.larger_is_better ? 1 : -1) * of(value, primary, tasks[t]);
    ++count;
  }
  return count > 0 ? sum / count : kNaN;
}

double minus_mean_loss(const std::vector<double>& losses, const std::vector<std::size_t>& group) {
  double score = 0;
  for (std::size_t t : group)
    if (!std::isnan(losses[t])) score -= losses[t] / static_cast<double>(group.size());
  return score;
}

}  // namespace

std::vector<std::string> selections() { return {"joint", "per-task", "last", "mean"}; }

double score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group) {
  return signed_mean(tasks, evaluation, group, primary_metric,
                     [](double value, const Metric&, const Task&) { return std::log(std::max(value, kFloor)); });
}

double mean_score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group) {
  // Older versions knew one primary metric for all tasks of a kind.
  const auto of_kind = [](const Task& task) {
    return task.traits().pixel_level ? std::string(training_of(task.kind).primary_metric) : primary_metric(task);
  };
  return signed_mean(tasks, evaluation, group, of_kind, [](double value, const Metric& primary, const Task& task) {
    return primary.in_units ? value / task.scale : value;
  });
}

double epoch_score(const std::string& selection, const std::vector<Task>& tasks, const Evaluation* evaluation,
                   const std::vector<double>& losses, const std::vector<std::size_t>& group, std::int64_t epoch) {
  if (selection == "last") return static_cast<double>(epoch);
  std::vector<std::size_t> judged = group;
  if (selection == "joint") {
    judged.resize(tasks.size());
    std::iota(judged.begin(), judged.end(), std::size_t{0});
  }
  double now = kNaN;
  if (evaluation != nullptr)
    now = selection == "mean" ? mean_score(tasks, *evaluation, judged) : score(tasks, *evaluation, judged);
  return std::isnan(now) ? minus_mean_loss(losses, judged) : now;
}

}  // namespace medusa::mtl

#include "mtl/training/selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace medusa::mtl {

namespace {

constexpr double kFloor = 1e-3;  // of a metric: a Dice of 0 has no logarithm
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// NaN if none has a value.
double signed_mean(const std::vector<Judged>& figures) {
  double sum = 0;
  int count = 0;
  for (const Judged& figure : figures) {
    if (std::isnan(figure.value)) continue;
    sum += (figure.larger_is_better ? 1 : -1) * figure.value;
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

double score(std::vector<Judged> figures) {
  for (Judged& figure : figures)
    if (!std::isnan(figure.value)) figure.value = std::log(std::max(figure.value, kFloor));
  return signed_mean(figures);
}

double score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group) {
  std::vector<Judged> figures;
  for (std::size_t t : group) {
    const Metric& primary = metric(primary_metric(tasks[t]));
    figures.push_back({evaluation[t].metrics.at(primary.name), primary.larger_is_better});
  }
  return score(figures);
}

double mean_score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group) {
  std::vector<Judged> figures;
  for (std::size_t t : group) {
    const Task& task = tasks[t];
    // Older versions knew one primary metric for all tasks of a kind.
    const std::string judged_by =
        task.traits().pixel_level ? std::string(training_of(task.kind).primary_metric) : primary_metric(task);
    const Metric& primary = metric(judged_by);
    const double value = evaluation[t].metrics.at(primary.name);
    figures.push_back({primary.in_units ? value / task.scale : value, primary.larger_is_better});
  }
  return signed_mean(figures);
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

#include "mtl/training/evaluate.h"

#include <cmath>
#include <limits>

#include "mtl/inference/padding.h"
#include "mtl/losses.h"
#include "mtl/training/class_figures.h"
#include "mtl/training/finite_check.h"

namespace medusa::mtl {

namespace {

class EvaluationMode {
 public:
  explicit EvaluationMode(Model& model) : model_(model), training_(model.training()) { model_.eval(); }
  ~EvaluationMode() { model_.train(training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model& model_;
  bool training_;
  NoGrad no_grad_;
};

// While it lives, the model's attention at the bottleneck is added to `sums`.
class AttentionWatch {
 public:
  AttentionWatch(Model& model, BottleneckSums* sums) : model_(model) {
    model_.record_attention(&record_);
    record_.sums = sums;
  }
  ~AttentionWatch() { model_.record_attention(nullptr); }
  AttentionWatch(const AttentionWatch&) = delete;
  AttentionWatch& operator=(const AttentionWatch&) = delete;

 private:
  Model& model_;
  AttentionRecord record_;
};

std::vector<Var> outputs_of(Model& model, const Tensor& input, const SlidingWindow& window) {
  if (window.size.empty()) return outputs_any_size(model, Var(input));
  std::vector<Var> outputs;
  for (const Tensor& y : sliding_outputs(model, input.to(Device::CPU), window))
    outputs.emplace_back(y.to(input.device()));
  return outputs;
}

}  // namespace

void check_batch(const std::vector<Task>& tasks, const datasets::Batch& batch) {
  MEDUSA_CHECK(batch.targets.size() == tasks.size() && batch.labelled.size() == tasks.size(),
               "batch: {} tasks, but {} targets", tasks.size(), batch.targets.size());
}

std::optional<Evaluation> evaluate(Model& model, BatchSource& source, const std::function<bool()>& stop,
                                   const SlidingWindow& window, BottleneckSums* bottleneck, const Thoroughness& how) {
  const EvaluationMode mode(model);
  const std::vector<Task>& tasks = model.tasks();
  Evaluation result(tasks.size());
  std::vector<std::unique_ptr<TaskMeter>> meters;
  for (Task task : tasks) {
    task.judging.tolerance = how.tolerance;
    meters.push_back(make_meter(task, how.thorough));
  }
  std::optional<AttentionWatch> watch;
  if (bottleneck) watch.emplace(model, bottleneck);
  source.start_epoch(0, 0);
  while (const std::optional<datasets::Batch> batch = source.next()) {
    check_batch(tasks, *batch);
    const MeterCases cases{batch->ids, batch->spacing};
    const std::vector<Var> outputs = outputs_of(model, batch->input, window);
    watch.reset();
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const datasets::Target& target = batch->targets[t];
      if (!finite(outputs[t].value()))
        fail("evaluation: the output of task {} is not finite (samples {})", tasks[t].name, sample_list(*batch));
      const std::int64_t before = meters[t]->samples();
      meters[t]->add(outputs[t].value(), target.value, target.mask, batch->labelled[t], cases);
      const std::int64_t samples = meters[t]->samples() - before;
      if (samples == 0) continue;
      const Var loss = task_loss(tasks[t], outputs[t], target.value, target.mask, batch->labelled[t]);
      const double value = static_cast<double>(loss.item());
      if (!std::isfinite(value)) check_classes(tasks[t], target.value);
      result[t].loss += value * static_cast<double>(samples);
    }
    if (stop && stop()) return std::nullopt;
  }
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    result[t].samples = meters[t]->samples();
    result[t].loss = result[t].samples > 0 ? result[t].loss / static_cast<double>(result[t].samples)
                                           : std::numeric_limits<double>::quiet_NaN();
    result[t].metrics = meters[t]->values();
    result[t].cases = meters[t]->cases();
  }
  return result;
}

void judge_at(const std::vector<std::vector<double>>& thresholds, const std::vector<Task>& tasks, Evaluation* result) {
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    if (thresholds[t].empty()) continue;
    Task task = tasks[t];
    task.judging.thresholds = thresholds[t];
    for (const auto& [name, value] : values_of(task, (*result)[t].cases)) (*result)[t].metrics[name] = value;
  }
}

std::vector<std::vector<double>> judge_at_thresholds(const std::vector<Task>& tasks, Evaluation* val,
                                                     Evaluation* test) {
  std::vector<std::vector<double>> thresholds(tasks.size());
  for (std::size_t t = 0; t < tasks.size() && val != nullptr; ++t)
    if (tasks[t].kind == TaskKind::Binary) thresholds[t] = best_thresholds(tasks[t], (*val)[t].cases);
  for (Evaluation* result : {val, test})
    if (result != nullptr) judge_at(thresholds, tasks, result);
  return thresholds;
}

}  // namespace medusa::mtl

// Evaluation: losses and metrics of a model on a whole set.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "mtl/inference/sliding_window.h"
#include "mtl/networks/model.h"
#include "mtl/training/batch_source.h"
#include "mtl/training/metrics.h"

namespace medusa::mtl {

struct TaskResult {
  double loss = 0;  // mean over the labelled samples; NaN if there are none
  MetricValues metrics;
  std::int64_t samples = 0;  // that had a label
  CaseTable cases;           // what was found about each of them
};
using Evaluation = std::vector<TaskResult>;  // in the order of the model's tasks

// Whether thorough metrics are wanted (training/metrics.h), and how far off a surface may be for nsd: in mm, in pixels
// where their size is not known.
struct Thoroughness {
  bool thorough = false;
  double tolerance = 1;
};

// One pass over epoch 0 of `source` in evaluation mode, without gradients; restores the model's mode afterwards.  A
// window, if given, slides over each sample (sliding_window.h).  Calls `stop` after every batch and returns nothing if
// it says true.  `bottleneck`, if given, gets the attention at the bottleneck on the first batch (all its windows).
// Throws Error, naming task and samples, if an output is not finite.
std::optional<Evaluation> evaluate(Model& model, BatchSource& source, const std::function<bool()>& stop = {},
                                   const SlidingWindow& window = {}, BottleneckSums* bottleneck = nullptr,
                                   const Thoroughness& how = {});

// The final figures on validation and test set: binary tasks' sensitivity, specificity and F1 at the thresholds that
// are best on the validation set (best_thresholds), which are returned per task.
std::vector<std::vector<double>> judge_at_thresholds(const std::vector<Task>& tasks, Evaluation* val, Evaluation* test);
// Computes the figures anew for thresholds that were chosen before.
void judge_at(const std::vector<std::vector<double>>& thresholds, const std::vector<Task>& tasks, Evaluation* result);

// Throws Error unless a batch has as many targets as there are tasks.
void check_batch(const std::vector<Task>& tasks, const datasets::Batch& batch);

}  // namespace medusa::mtl

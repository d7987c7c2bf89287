// Evaluation: losses and metrics of a model over a whole set.
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
  double loss = 0;  // mean over the labelled samples; NaN without any
  MetricValues metrics;
  std::int64_t samples = 0;  // that had a label
};
using Evaluation = std::vector<TaskResult>;  // in the order of the model's tasks

// One pass over epoch 0 of `source` in evaluation mode, recording no gradients; the model's mode is put back after.
// With a window the network looks at each sample through that (sliding_window.h).  Asks `stop` after every batch and
// returns nothing once it says true.  Throws Error, naming task and samples, where an output is not finite.
std::optional<Evaluation> evaluate(Model& model, BatchSource& source, const std::function<bool()>& stop = {},
                                   const SlidingWindow& window = {});

// How good a result is for some of the tasks, larger is better: the mean over them of their primary metrics, those
// where smaller is better negated and without their unit, divided by Task::scale: 7 Gy of 70 weigh as much as a tenth
// of Dice.  NaN where no task has a value.
double score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group);

// Throws Error where a batch has not as many targets as there are tasks.
void check_batch(const std::vector<Task>& tasks, const datasets::Batch& batch);

}  // namespace medusa::mtl

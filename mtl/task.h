// Task: one thing that the network learns.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.h"

namespace medusa::mtl {

// A dataset's target, and what training adds to it.
struct Task : datasets::TargetInfo {
  Task() = default;
  explicit Task(datasets::TargetInfo target) : TargetInfo(std::move(target)) {}

  std::vector<double> class_weight;  // classification: weights of the classes in the loss; empty: all 1
  // task_loss caches class_weight here as a tensor, so that it is copied to a GPU once, not in every step.
  struct WeightCache {
    std::vector<double> weight;  // the values in `tensor`
    Tensor tensor;
  };
  mutable WeightCache weight_cache;

  // How its answers are judged (training/metrics.h); no part of the network.
  struct Judging {
    // Binary, per channel: the logits above which the answer is yes, for sensitivity, specificity and F1.  Empty: 0.
    std::vector<double> thresholds;
    double tolerance = 1;  // nsd: in mm, in pixels where the dataset does not know their size
  };
  Judging judging;
};

// How a kind of task is trained and judged; a row for each.
struct KindTraining {
  TaskKind kind;
  const char* loss;                // if the task names none  (losses.h)
  const char* loss_of_classes;     // the same if targets are class numbers
  const char* primary_metric;      // by which checkpoints are compared  (training/metrics.h)
  const char* primary_of_classes;  // the same if targets are class numbers
  double prior;                    // probability that a new head predicts everywhere; 0: no such bias
};
const KindTraining& training_of(TaskKind kind);

// Throws InputError if a name is empty, malformed or taken, channels < 1, or a loss does not fit.
void check_tasks(const std::vector<Task>& tasks);

}  // namespace medusa::mtl

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
  // task_loss keeps class_weight here as a tensor, so that it is copied to a GPU once and not in every step.
  struct WeightCache {
    std::vector<double> weight;  // what `tensor` was made of
    Tensor tensor;
  };
  mutable WeightCache weight_cache;
};

// How a kind of task is trained and judged; a row for each.
struct KindTraining {
  TaskKind kind;
  const char* loss;             // where the task names none  (losses.h)
  const char* loss_of_classes;  // the same where targets are numbers of classes
  const char* primary_metric;   // by which checkpoints are compared  (training/metrics.h)
  double prior;                 // the probability that a new head answers everywhere; 0: whatever its weights say
};
const KindTraining& training_of(TaskKind kind);

// Throws InputError where a name is empty, malformed or taken, channels < 1, or a loss does not fit.
void check_tasks(const std::vector<Task>& tasks);

}  // namespace medusa::mtl

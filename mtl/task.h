// Task: one thing the network learns; its loss.
#pragma once

#include <string>
#include <vector>

#include "autograd/var.h"
#include "datasets/dataset.h"

namespace medusa::mtl {

struct Task {
  std::string name;  // letters, digits, '_' and '-'
  TaskKind kind = TaskKind::Segmentation;
  std::int64_t channels = 1;         // outputs of the head
  std::vector<std::string> classes;  // their names, where known
  std::vector<double> class_weight;  // classification: weights of the classes in the loss; empty: all 1
  double loss_weight = 1;            // factor of this task in the sum of losses
  double scale = 1;                  // regression, scalar: an output times this is in the task's unit
  std::string unit = "";             // "Gy"
  // task_loss keeps class_weight here as a tensor, so that it is copied to a GPU once and not in every step.
  struct WeightCache {
    std::vector<double> weight;  // what `tensor` was made of
    Tensor tensor;
  };
  mutable WeightCache weight_cache;
};

// Throws InputError where a name is empty, malformed or taken, or channels < 1.
void check_tasks(const std::vector<Task>& tasks);

// Whether the task's targets are numbers of classes.
bool has_class_numbers(const Task& task);

// The task's loss on raw outputs y, mean over the batch  (methods: "Losses and metrics"):
//   segmentation, 1 channel  Dice of sigmoid + BCE          y, target [N, S, 1]
//   segmentation, C > 1      Dice of softmax + cross-entropy  y [N, S, C], target [N, S, 1] of class numbers
//   structures               Dice of sigmoid + BCE, both means over the channels that mask [N, 1, .., 1, C] has as 1;
//                            the others count for nothing     y, target [N, S, C] of 0 and 1
//   regression               L1 inside the mask             y, target [N, S, C], mask [N, S, 1]
//   classification           cross-entropy                  y [N, C], target [N, 1] of class numbers
//   binary                   BCE                            y, target [N, C]
//   scalar                   L1                             y, target [N, C]
// mask may be empty.  `labelled` says which samples have a label; the others do not count (empty: all have).
Var task_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask = {},
              const std::vector<bool>& labelled = {});

}  // namespace medusa::mtl

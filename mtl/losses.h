// The losses of tasks, by name.
#pragma once

#include <string>
#include <vector>

#include "autograd/var.h"
#include "mtl/task.h"

namespace medusa::mtl {

// What a loss is computed from.
struct LossInput {
  const Task& task;
  Var y;          // raw outputs, [N, S, C] or [N, C]
  Tensor target;  // class numbers [N, S, 1] or [N, 1]; else of y's shape
  Tensor mask;    // where it counts, 0 or 1, [N, S, 1] or of y's shape; empty: everywhere
  // Of structures: which channels count, [N, 1, .., 1, C]; empty: all.  `mask` is the same at every place.
  Tensor outlined;
  double per_outlined = 1;  // channels for each of them, 1 / mean of `outlined`
};

// A loss: its mean over what counts, [1].
struct Loss {
  const char* name;
  const char* about;
  bool (*fits)(const Task& task);
  Var (*value)(const LossInput& input);
};
// The table of losses:
//   dice           1 - soft Dice of sigmoid or softmax  per pixel, not amounts
//   bce            binary cross-entropy                 targets of 0 and 1
//   focal          the same, easy ones count less       targets of 0 and 1
//   cross_entropy  weighted by Task::class_weight       class numbers
//   l1, mse, smooth_l1                                  amounts
const std::vector<Loss>& losses();
// Adds a row, for a program with a loss of its own; before any task is checked, from one thread.  Throws Error where
// the name is taken.
void add_loss(const Loss& loss);

// The task's loss: Task::loss, or where that is empty its kind's own.  A sum of names, each perhaps with a factor:
// "dice+0.5*focal".
std::string loss_of(const Task& task);
// Throws InputError, which lists the losses that fit, where the task's loss is malformed or does not fit.
void check_loss(const Task& task);

// The task's loss on raw outputs y, mean over the batch  (methods: "Losses and metrics"); shapes as in LossInput, but
// the mask of structures is that of `outlined`, and mask may be empty.  `labelled` says which samples have a label;
// the others do not count (empty: all have).
Var task_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask = {},
              const std::vector<bool>& labelled = {});

}  // namespace medusa::mtl

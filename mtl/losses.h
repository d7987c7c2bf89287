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
  Tensor mask;    // 1 where the loss counts, else 0, [N, S, 1] or of y's shape; empty: counts everywhere
  // Structures: which channels count, [N, 1, .., 1, C]; empty: all.  `mask` holds the same for every place.
  Tensor outlined;
  double per_outlined = 1;  // channels per outlined channel, 1 / mean of `outlined`
};

// A loss; `value` is its mean over all that counts, [1].
struct Loss {
  const char* name;
  const char* about;
  bool (*fits)(const Task& task);
  Var (*value)(const LossInput& input);
};
// The table of losses:
//   dice           1 - soft Dice of sigmoid or softmax  per pixel, not amounts
//   bce            binary cross-entropy                 targets of 0 and 1
//   focal          bce with less weight on easy ones    targets of 0 and 1
//   cross_entropy  weighted by Task::class_weight       class numbers
//   l1, mse, smooth_l1                                  amounts
const std::vector<Loss>& losses();
// Adds a row, for a program with a loss of its own.  Call it before any task is checked, from one thread.  Throws Error
// if the name is taken.
void add_loss(const Loss& loss);

// The task's loss: Task::loss, or the default of its kind if that is empty.  A sum of names, each with an optional
// factor: "dice+0.5*focal".
std::string loss_of(const Task& task);
// Throws InputError, which lists the losses that fit, if the task's loss is malformed or does not fit.
void check_loss(const Task& task);

// The task's loss on raw outputs y, mean over the batch.  Shapes are as in LossInput, but for structures `mask` has the
// shape of `outlined`.  `labelled` says which samples have a label; the others do not count (empty: all have).
Var task_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask = {},
              const std::vector<bool>& labelled = {});

}  // namespace medusa::mtl

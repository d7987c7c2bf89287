// Finds the first tensor of a training step that is not finite, and names the samples of the batch.
#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

// True if no value is infinite or NaN.
bool finite(const Tensor& x);

// Throws cross_entropy's Error if a label is not a class number.  On a GPU cross_entropy cannot throw; this is called
// when a loss is NaN.  Does nothing for tasks without class numbers.
void check_classes(const Task& task, const Tensor& target);

// "a, b, c": the batch's sample ids, at most 32 of them.
std::string sample_list(const datasets::Batch& batch);

// Throws Error after a step with such a tensor, one line: the first tensor that is not finite, in the order of the
// computation (input, targets, parameters, running statistics, outputs, losses, gradients), the losses and sample ids;
// or the Error of check_classes().
[[noreturn]] void report_not_finite(const Model& model, const datasets::Batch& batch, const std::vector<Var>& outputs,
                                    const std::vector<Var>& losses, std::int64_t epoch, std::int64_t step);

}  // namespace medusa::mtl

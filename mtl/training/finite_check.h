// The NaN guard: finds the first tensor of a training step that is not finite, and says whose data it was.
#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

// True where no value is infinite or not a number.
bool finite(const Tensor& x);

// Throws the Error that cross_entropy throws of a label that is no class.  On a GPU, which cannot throw, it is called
// where a loss is not a number.  Other tasks than those of class numbers have no such labels.
void check_classes(const Task& task, const Tensor& target);

// "a, b, c": the batch's sample ids, at most 32 of them.
std::string sample_list(const datasets::Batch& batch);

// Throws the Error of a step that went wrong, one line: the first tensor that is not finite, in the order of the
// computation (input, targets, parameters, running statistics, outputs, losses, gradients), the losses and sample ids;
// or what check_classes() says.
[[noreturn]] void report_not_finite(const Model& model, const datasets::Batch& batch, const std::vector<Var>& outputs,
                                    const std::vector<Var>& losses, std::int64_t epoch, std::int64_t step);

}  // namespace medusa::mtl

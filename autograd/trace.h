// MEDUSA_TRACE=1 prints every op as it runs, forward and backward: how a reader follows one pass.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace medusa {
class Var;
}

namespace medusa::trace {

// True if MEDUSA_TRACE is set to anything but 0.
bool enabled();
// One line to stderr: op, shapes of inputs and output, milliseconds since the line before, bytes in use.
void forward(const char* op, const std::vector<Var>& inputs, const Tensor& output);
void backward(const char* op, const Shape& shape);
void recomputed(const char* op, const Shape& shape);  // computed once more for the backward pass (see saved_tensor.h)

}  // namespace medusa::trace

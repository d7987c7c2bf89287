// Sums and repetitions of plain tensors that several op families build their gradients from.
#pragma once

#include "tensor/geometry.h"
#include "tensor/tensor.h"

namespace medusa {

// scale * x, summed over the axes along which `shape` has size 1 and x does not: the gradient of a repeated operand.
// Shares x's memory where there is nothing to do.
Tensor sum_to(const Tensor& x, const Shape& shape, real scale = 1);

// y[o, k, i] = scale * x[o, i] for k < r.length, of the shape given: the gradient of a sum along an axis.
Tensor repeat_along(const Tensor& x, Rows r, const Shape& shape, real scale = 1);

}  // namespace medusa

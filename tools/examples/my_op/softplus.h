// An op of a program's own: softplus(x) = log(1 + e^x), a smooth relu.
#pragma once

#include <cstdint>

#include "autograd/var.h"

namespace my {

// Any shape, on any device that the library was built for.
medusa::Var softplus(const medusa::Var& x);

// The kernels: x, y, dy and dx of n numbers.
namespace cpu {
void softplus(const medusa::real* x, medusa::real* y, std::int64_t n);
void softplus_backward(const medusa::real* x, const medusa::real* dy, medusa::real* dx, std::int64_t n);
}  // namespace cpu
namespace cuda {
void softplus(const medusa::real* x, medusa::real* y, std::int64_t n);
void softplus_backward(const medusa::real* x, const medusa::real* dy, medusa::real* dx, std::int64_t n);
}  // namespace cuda

}  // namespace my

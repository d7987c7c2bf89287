// Counts what a computation costs: every convolution, linear layer and matrix product adds its floating-point
// operations here, forward and backward.  A multiply-add is 2.  What counts is what the plain loop does, products with
// padding included, whatever the kernel; pointwise functions, norms and pools are not counted.
#pragma once

#include <cstdint>

namespace medusa {

// Since the program's start; of all threads.
std::int64_t flops_counted();
void count_flops(std::int64_t flops);

}  // namespace medusa

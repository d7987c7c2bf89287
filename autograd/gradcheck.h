// Are an op's gradients those of its formula?  Central differences of its own forward pass tell.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/var.h"

namespace medusa {

// d loss() / dx by central differences: each element of x in turn is moved by `step` to either side, and put back.
// Exact up to O(step^2) and to the digits of loss(): make it add up in double.
std::vector<double> central_differences(std::vector<double>& x, const std::function<double()>& loss, double step);

struct GradCheckOptions {
  double step = sizeof(real) == 8 ? 1e-5 : 1e-2;
  double tolerance = sizeof(real) == 8 ? 1e-6 : 5e-3;  // largest error, relative to the input's largest gradient
  std::uint64_t seed = 1;                              // of the weights
};

// Compares what backward() finds for every input of `op` with central differences of a randomly weighted sum of its
// output: of softmax, say, a plain sum is constant, and a wrong gradient would pass.  Keep the inputs away from places
// without a derivative, such as relu's 0.  Throws Error that names the op, the input, the element and both values.
void check_gradients(const std::string& name, const std::function<Var(const std::vector<Var>&)>& op,
                     const std::vector<Tensor>& inputs, const GradCheckOptions& options = {});

}  // namespace medusa

// Kernel by kernel: how much of the machine each one uses.
#pragma once

#include <string>

namespace medusa::tools {

struct BenchOpsOptions {
  std::string only;      // run only cases whose name contains this
  double seconds = 0.3;  // per case
  bool json = false;     // one JSON object a line instead of a table
};

// Prints, for convolutions, GFLOP/s against the multiply-add peak, and for kernels bound by memory GB/s against the
// speed of a plain copy, both measured in the same run.
void bench_ops(const BenchOpsOptions& options);

}  // namespace medusa::tools

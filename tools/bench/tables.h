// The tables of `make bench`: what training, predicting and loading cost on this machine, beside its limits.
#pragma once

#include <string>

namespace medusa::tools {

struct BenchTablesOptions {
  int steps = 3;
  double seconds = 0.05;  // for each kernel
  std::string threads = "1,2";
  bool json = false;
};
// Prints machine, compiler and peaks; training steps and predictions, each in a process of its own, so that its memory
// can be measured; start of a program, loading, kernels.  If MEDUSA_ORACLE names a folder with step.py and
// MEDUSA_PYTHON (or python3) can import torch, PyTorch runs in turn with the training steps, with tcmalloc, in both
// memory layouts.
void bench_tables(const BenchTablesOptions& options);

}  // namespace medusa::tools

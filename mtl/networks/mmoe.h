// MMoE, multi-gate mixture of experts: experts that all tasks share, and a gate for every task  [as published: Ma,
// Zhao, Yi, Chen, Hong, Chi, "Modeling task relationships in multi-task learning with multi-gate mixture-of-experts",
// KDD 2018; several levels of it, and encoder levels as experts, are ours].  It is CGC without experts of the tasks'
// own: what cgc.cpp computes, with h for every f_t.
#pragma once

#include "mtl/networks/cgc.h"

namespace medusa::mtl {

struct MmoeOptions {
  std::int64_t experts = 2;
  void declare(Options& o) { o.add("experts", experts, "mmoe's experts, each as large as an encoder").range(1, 64); }
};

class MMoE : public CGC {
 public:
  MMoE(const ModelConfig& config, const MmoeOptions& options) : CGC(config, CgcOptions{options.experts, 0}) {}
};

}  // namespace medusa::mtl

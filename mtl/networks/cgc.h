// CGC, customized gate control: at every level each task mixes the features of experts that all tasks share and of
// experts of its own, by a gate that looks at the input  [as published: Tang, Liu, Zhao, Gong, "Progressive layered
// extraction", RecSys 2020, whose experts are small dense layers; encoder levels as experts are ours].
#pragma once

#include "mtl/networks/shared_model.h"
#include "nn/linear.h"
#include "nn/sequential.h"

namespace medusa::mtl {

struct CgcOptions {
  std::int64_t shared = 1, own = 1;
  void declare(Options& o) {
    o.add("shared", shared, "cgc's experts for all tasks, each as large as an encoder").range(1, 64);
    o.add("own", own, "cgc's experts of every task for itself").range(0, 64);
  }
};

class CGC : public BranchedModel {
 public:
  CGC(const ModelConfig& config, const CgcOptions& options);
  std::vector<Var> outputs(const Var& x) override;
  std::vector<Encoder*> encoders() override;  // all experts

 private:
  using Experts = nn::ModuleList<Encoder>;   // level j of an encoder is an expert of level j
  using Gates = nn::ModuleDict<nn::Linear>;  // by level
  void add_gates();

  Experts& shared_;
  PerTask<Experts>& own_;
  // A task has a gate where something reads the result: at every level, but an image-level task without experts of its
  // own only at the last.  The shared one feeds the shared experts of the next level, so the last level has none.
  Gates& shared_gate_;
  PerTask<Gates>& gates_;
};

}  // namespace medusa::mtl

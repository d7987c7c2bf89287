// MTAN, the multi-task attention network: every task picks what it needs from the shared features of every level
// through a mask of its own  [MTAN: Liu, Johns, Davison, "End-to-end multi-task learning with attention", CVPR 2019].
#pragma once

#include "mtl/networks/attention.h"
#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

class MTAN : public SharedModel {
 public:
  explicit MTAN(const ModelConfig& config);
  std::vector<Var> outputs(const Var& x) override;

 private:
  PerTask<nn::ModuleList<AttentionMask>>& attention_;  // by task, by level
  nn::ModuleList<nn::Module>& refine_;                 // by level, shared by all tasks; the last level has none
};

}  // namespace medusa::mtl

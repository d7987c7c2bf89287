// CTAN, the cross-task attention network: every task sees the shared features through the masks of the OTHER tasks
// (CTAE, the cross-task attention encoder), and at the bottleneck attends to the other tasks' features (CTAB)
// [paper: Kim, Purdie, McIntosh 2023; the equations are recalled, the options ours: see README.md].
#pragma once

#include "mtl/networks/attention.h"
#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

class CTAN : public SharedModel {
 public:
  explicit CTAN(const ModelConfig& config);
  std::vector<Var> outputs(const Var& x) override;

 private:
  using Parts = CtanOptions::Parts;
  using TaskFeatures = std::vector<std::vector<Var>>;  // by task, by level
  std::vector<Var> masks(std::size_t level, const Var& u, const std::vector<Var>& a);
  TaskFeatures attended_features(const Features& shared);
  TaskFeatures embedded_features(const Features& shared);
  void attend_to_others(TaskFeatures& f);

  PerTask<nn::ModuleList<nn::ConvNorm>>& embed_;  // by task, by level (bottleneck alone: one)
  PerTask<nn::ModuleList<nn::ConvNorm>>& mask_;   // by task, by level (bottleneck alone: none)
  // By level, shared by all tasks: makes what the next level is given, so there is none at the last (bottleneck alone:
  // none at all).
  nn::ModuleList<nn::Module>& refine_;
  PerTask<CrossTaskAttention>& bottleneck_;  // by task (encoder alone: none)
};

}  // namespace medusa::mtl

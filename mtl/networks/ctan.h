// CTAN, the cross-task attention network: every task sees the shared features through the masks of the OTHER tasks
// (CTAE, the cross-task attention encoder), and at the bottleneck attends to the other tasks' features (CTAB)
// [paper: Kim, Purdie, McIntosh 2023; the equations are recalled, the options ours: see README.md].
#pragma once

#include "mtl/networks/attention.h"
#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

// The choices that the paper's abstract leaves open  [ours].
struct CtanOptions {
  std::string attention = "spatial";
  bool scale = true;
  std::string projections = "none";
  bool residual = true;
  std::string parts = "both";
  std::string query = "other";
  bool qk_norm = false;
  void declare(Options& o) {
    o.add("attention", attention, "ctan's bottleneck: attention between places or between channels")
        .one_of({"spatial", "channel"});
    o.add("scale", scale, "ctan's bottleneck: divide the scores by sqrt(d), d the length of the dot product");
    o.add("projections", projections, "ctan's bottleneck: Q, K, V are the features (none), or learned maps of them")
        .one_of({"none", "linear"});
    o.add("residual", residual, "ctan's bottleneck: add the result to the task's own features");
    o.add("parts", parts, "which parts of ctan's attention are used; encoder: the masks alone")
        .one_of({"both", "encoder", "bottleneck"});
    o.add("query", query, "ctan's bottleneck: Q from the other task, K and V the task's own; own: the other way round")
        .one_of({"other", "own"});
    o.add("qk-norm", qk_norm, "ctan's bottleneck: scale each query and key to the length sqrt(d) before their product");
  }
  bool has_encoder_part() const { return parts != "bottleneck"; }  // CTAE
  bool has_bottleneck_part() const { return parts != "encoder"; }  // CTAB
};

class CTAN : public SharedModel {
 public:
  CTAN(const ModelConfig& config, const CtanOptions& options);
  std::vector<Var> outputs(const Var& x) override;

 private:
  using TaskFeatures = std::vector<std::vector<Var>>;  // by task, by level
  std::vector<Var> masks(std::size_t level, const Var& u, const std::vector<Var>& a);
  TaskFeatures attended_features(const Features& shared);
  TaskFeatures embedded_features(const Features& shared);
  void attend_to_others(TaskFeatures& f);

  CtanOptions options_;
  PerTask<nn::ModuleList<nn::ConvNorm>>& embed_;  // by task, by level (bottleneck alone: one)
  PerTask<nn::ModuleList<nn::ConvNorm>>& mask_;   // by task, by level (bottleneck alone: none)
  // By level, shared by all tasks: feeds the next level, so the last level has none (bottleneck alone: none at all).
  nn::ModuleList<nn::Module>& refine_;
  PerTask<CrossTaskAttention>& bottleneck_;  // by task (encoder alone: none)
};

}  // namespace medusa::mtl

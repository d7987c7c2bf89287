// The attention blocks of MTAN and CTAN.
#pragma once

#include <vector>

#include "mtl/networks/model.h"
#include "nn/linear.h"
#include "nn/resblock.h"

namespace medusa::mtl {

// MTAN's mask of one task at one level: sigma(BN(Conv1x1(relu(BN(Conv1x1(x))))))  [MTAN].
// x [N, S, in] -> [N, S, out], in (0, 1); `middle` channels in between.
class AttentionMask : public nn::Module {
 public:
  AttentionMask(int spatial_dims, std::int64_t in, std::int64_t middle, std::int64_t out,
                nn::Norm norm = nn::Norm::Batch);
  Var forward(const Var& x) override { return sigmoid(norm2_(conv2_(norm1_(conv1_(x))))); }

 private:
  nn::Conv& conv1_;
  nn::Module& norm1_;  // with the ReLU
  nn::Conv& conv2_;
  nn::Module& norm2_;
};

struct CtanOptions;

// CTAN's bottleneck for one task (CTAB): queries from the other tasks' features, keys and values from its own; with
// `query: own` the other way round.
class CrossTaskAttention : public nn::Module {
 public:
  CrossTaskAttention(std::int64_t channels, const CtanOptions& options);
  // own and each of others [N, S, C] -> [N, S, C].  `record`, if given, receives the attention of task `task`.
  Var attend(const Var& own, const std::vector<Var>& others, std::size_t task = 0, AttentionRecord* record = nullptr);

 private:
  Var tokens(nn::Linear* projection, const Var& e) const;
  Var normed(const Var& x) const;

  bool over_channels_, scale_, residual_, own_query_, qk_norm_;  // see CtanOptions
  nn::Linear *q_ = nullptr, *k_ = nullptr, *v_ = nullptr;        // null: the identity
};

// All values but number `but`, in order; and the mean of values (of one: itself).
std::vector<Var> others(const std::vector<Var>& all, std::size_t but);
Var mean_of(const std::vector<Var>& values);

}  // namespace medusa::mtl

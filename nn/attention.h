// Multi-head attention  (Vaswani et al., "Attention is all you need", 2017, section 3.2.2).
#pragma once

#include <cmath>

#include "autograd/ops.h"
#include "nn/linear.h"
#include "nn/module.h"

namespace medusa::nn {

// head_i = softmax(Q_i K_i^T / sqrt(d)) V_i with d = dim / heads, Q = query Wq^T + bq and so on;  y = [head_1 ; ..]
// Wo^T + bo. Names and layouts are those of torch.nn.MultiheadAttention (batch first): in_proj_weight [3 dim, dim]
// stacks Wq, Wk, Wv, in_proj_bias [3 dim] likewise; out_proj.weight, out_proj.bias.
class MultiHeadAttention : public Module {
 public:
  MultiHeadAttention(std::int64_t dim, std::int64_t heads, bool bias = true) : dim_(dim), heads_(heads) {
    MEDUSA_CHECK(heads > 0 && dim > 0 && dim % heads == 0, "multi-head attention: {} heads do not divide dimension {}",
                 heads, dim);
    in_proj_weight_ = param("in_proj_weight", {3 * dim, dim}, Init::xavier_uniform(dim, 3 * dim));
    if (bias) in_proj_bias_ = param("in_proj_bias", {3 * dim}, Init::constant(0));
    out_proj_ = &add<Linear>("out_proj", dim, dim, bias);
  }

  // Self-attention: every token of x [N, L, dim] attends to all tokens of the same sample.
  Var forward(const Var& x) override { return forward(x, x, x); }

  // Cross-attention: tokens of query [N, L, dim] attend to those of key and value [N, M, dim]; -> [N, L, dim].
  Var forward(const Var& query, const Var& key, const Var& value) {
    MEDUSA_CHECK(query.rank() == 3 && query.size(2) == dim_, "multi-head attention: expects a query [N, L, {}], got {}",
                 dim_, query.shape());
    MEDUSA_CHECK(key.rank() == 3 && key.size(0) == query.size(0) && key.size(2) == dim_ && key.shape() == value.shape(),
                 "multi-head attention: expects key and value [{}, M, {}], got {} and {}", query.size(0), dim_,
                 key.shape(), value.shape());
    const real scale = 1 / std::sqrt(static_cast<real>(dim_ / heads_));
    const Var y = medusa::attention(split(project(0, query)), split(project(1, key)), split(project(2, value)), scale);
    return (*out_proj_)(join(y, query.size(0)));
  }

 private:
  // The query (i = 0), key (1) or value (2) projection.
  Var project(std::int64_t i, const Var& x) {
    const Var weight = slice(in_proj_weight_, 0, i * dim_, dim_);
    return linear(x, weight, in_proj_bias_ ? slice(in_proj_bias_, 0, i * dim_, dim_) : Var());
  }
  // [N, L, dim] -> [N heads, L, d] and back.
  Var split(const Var& x) const {
    const std::int64_t n = x.size(0), length = x.size(1), d = dim_ / heads_;
    return reshape(permute(reshape(x, {n, length, heads_, d}), {0, 2, 1, 3}), {n * heads_, length, d});
  }
  Var join(const Var& x, std::int64_t n) const {
    const std::int64_t length = x.size(1), d = dim_ / heads_;
    return reshape(permute(reshape(x, {n, heads_, length, d}), {0, 2, 1, 3}), {n, length, dim_});
  }

  std::int64_t dim_, heads_;
  Var in_proj_weight_, in_proj_bias_;
  Linear* out_proj_;
};

}  // namespace medusa::nn

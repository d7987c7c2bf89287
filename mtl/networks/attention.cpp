#include "mtl/networks/attention.h"

#include <cmath>

#include "mtl/networks/ctan.h"

namespace medusa::mtl {

namespace {

// A mask's convolutions have no bias: the norm behind them would subtract it again.
constexpr bool kNoBias = false;

}  // namespace

AttentionMask::AttentionMask(int spatial_dims, std::int64_t in, std::int64_t middle, std::int64_t out, nn::Norm norm)
    : conv1_(add<nn::Conv>("conv1", spatial_dims, in, middle, 1, ConvOptions{}, kNoBias)),
      norm1_(add("norm1", nn::make_norm(norm, middle, true))),
      conv2_(add<nn::Conv>("conv2", spatial_dims, middle, out, 1, ConvOptions{}, kNoBias)),
      norm2_(add("norm2", nn::make_norm(norm, out))) {}

CrossTaskAttention::CrossTaskAttention(std::int64_t channels, const CtanOptions& options)
    : over_channels_(options.attention == "channel"),
      scale_(options.scale),
      residual_(options.residual),
      own_query_(options.query == "own"),
      qk_norm_(options.qk_norm) {
  if (options.projections == "none") return;
  q_ = &add<nn::Linear>("q", channels, channels, false);
  k_ = &add<nn::Linear>("k", channels, channels, false);
  v_ = &add<nn::Linear>("v", channels, channels, false);
}

// [N, S, C] as tokens x features: P x C for spatial attention, C x P for channel attention, P = number of places.
Var CrossTaskAttention::tokens(nn::Linear* projection, const Var& e) const {
  const std::int64_t n = e.size(0), c = e.size(-1), places = e.value().numel() / (n * c);
  const Var projected = projection ? projection->forward(e) : e;
  const Var x = reshape(projected, {n, places, c});
  return over_channels_ ? permute(x, {0, 2, 1}) : x;
}

// Tokens of length sqrt(d) where `qk_norm`  [ours; Henry et al., "Query-key normalization for transformers", 2020]. The
// score of two places is then sqrt(d) times the cosine of their features.  Without, nothing bounds the scores: features
// that grow in training make one of them the largest by far, and softmax gives it all the weight.
Var CrossTaskAttention::normed(const Var& x) const {
  constexpr real kTiny = real(1e-6);  // a token of zeros stays zero
  return qk_norm_ ? x / sqrt(mean(square(x), -1, true) + kTiny) : x;
}

// With E_t own, E_{t'} another task's, rows = tokens of length d  [recalled; layout, scale and residual ours]:
//   Q = Wq E_{t'},  K = Wk E_t,  V = Wv E_t                        (`query: own`: t and t' exchanged)
//   O = mean over t' of A V,  A = softmax_keys(Q K^T / sqrt(d))
//   E_t + O  where `residual`, else O
Var CrossTaskAttention::attend(const Var& own, const std::vector<Var>& others, std::size_t task,
                               AttentionRecord* record) {
  Var q, k, v;
  const auto ask = [&](const Var& e) { q = normed(tokens(q_, e)); };
  const auto answer = [&](const Var& e) { k = normed(tokens(k_, e)), v = tokens(v_, e); };
  own_query_ ? ask(own) : answer(own);
  const std::int64_t d = over_channels_ ? own.value().numel() / (own.size(0) * own.size(-1)) : own.size(-1);
  const real scale = scale_ ? static_cast<real>(1 / std::sqrt(static_cast<double>(d))) : real(1);
  std::vector<Var> found;
  std::vector<Tensor> weights;
  for (const Var& other : others) {
    own_query_ ? answer(other) : ask(other);
    if (record) weights.push_back(softmax(matmul(q * scale, k, false, true)).value());
    found.push_back(attention(q, k, v, scale));
  }
  if (record) record->set_bottleneck(task, std::move(weights));
  if (record) record->over_channels = over_channels_, record->own_query = own_query_;
  Var o = mean_of(found);
  if (over_channels_) o = permute(o, {0, 2, 1});
  o = reshape(o, own.shape());
  return residual_ ? own + o : o;
}

std::vector<Var> others(const std::vector<Var>& all, std::size_t but) {
  std::vector<Var> rest;
  for (std::size_t t = 0; t < all.size(); ++t)
    if (t != but) rest.push_back(all[t]);
  return rest;
}

Var mean_of(const std::vector<Var>& values) {
  MEDUSA_CHECK(!values.empty(), "mean_of: no values");
  Var sum = values.front();
  for (std::size_t i = 1; i < values.size(); ++i) sum = sum + values[i];
  return values.size() == 1 ? sum : sum * (real(1) / static_cast<real>(values.size()));
}

}  // namespace medusa::mtl

#include "mtl/networks/ctan.h"

namespace medusa::mtl {

CTAN::CTAN(const ModelConfig& config, const CtanOptions& options)
    : SharedModel(config),
      options_(options),
      embed_(per_task<nn::ModuleList<nn::ConvNorm>>("embed")),
      mask_(per_task<nn::ModuleList<nn::ConvNorm>>("mask")),
      refine_(add<nn::ModuleList<nn::Module>>("refine")),
      bottleneck_(per_task<CrossTaskAttention>("bottleneck")) {
  check_two_tasks(config);
  const std::vector<std::int64_t>& c = backbone_.channels;
  const bool encoder = options.has_encoder_part(), bottleneck = options.has_bottleneck_part();
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    auto& embed = embed_.put(t);
    auto& mask = mask_.put(t);
    if (!encoder) embed.push(config.spatial_dims, c.back(), c.back(), 1, true, backbone_.norm);
    for (std::size_t j = 0; encoder && j < c.size(); ++j) {
      embed.push(config.spatial_dims, j == 0 ? c[j] : 2 * c[j], backbone_.attention_width(j), 1, true, backbone_.norm);
      mask.push(config.spatial_dims, backbone_.attention_width(j), c[j], 1, false, backbone_.norm);
    }
    if (bottleneck) bottleneck_.put(t, c.back(), options);
  }
  for (std::size_t j = 0; encoder && j + 1 < c.size(); ++j) refine_.push(make_refine(config, j));
}

// The masks of all tasks at level j:
//   e_t = relu(BN(Conv1x1([u_j ; a_t])))                           task embedding  (j = 0: of u_0 alone)
//   m_t = sigma(BN(Conv1x1(e_t)))                                  its mask
std::vector<Var> CTAN::masks(std::size_t j, const Var& u, const std::vector<Var>& a) {
  std::vector<Var> m;
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    const Var e = embed_[t][j](j == 0 ? u : concat({u, a[t]}));
    m.push_back(sigmoid(mask_[t][j](e)));
    if (record()) record()->add_mask(t, m.back().value());
  }
  return m;
}

// CTAE, at every level j for every task t  [recalled; T > 2 ours]:
//   f_t = mean of m_{t'} over the other tasks t'  *  p_j           the cross-task step: the OTHERS' masks
// So with two tasks m_t is trained by the other task's loss, and by t's own only through a_t and the levels below.
//   a_t = maxpool2(Refine_j(f_t))                                  handed on to the next level
CTAN::TaskFeatures CTAN::attended_features(const Features& shared) {
  const std::size_t T = tasks().size(), L = shared.p.size();
  TaskFeatures f(T);
  std::vector<Var> a(T);
  for (std::size_t j = 0; j < L; ++j) {
    const std::vector<Var> m = masks(j, shared.u[j], a);
    for (std::size_t t = 0; t < T; ++t) {
      f[t].push_back(mean_of(others(m, t)) * shared.p[j]);
      if (j + 1 < L) a[t] = max_pool(refine_[j](f[t][j]));
    }
  }
  return f;
}

// Without CTAE the skips are p_j as in HPS, and each task has an embedding of its own for CTAB to work on  [ours]:
//   f_t = relu(BN(Conv1x1(p_j)))                                   at the last level
CTAN::TaskFeatures CTAN::embedded_features(const Features& shared) {
  TaskFeatures f(tasks().size(), shared.p);
  for (std::size_t t = 0; t < f.size(); ++t) f[t].back() = embed_[t][0](shared.p.back());
  return f;
}

// CTAB, at the bottleneck, all tasks at once  [recalled]:
//   f_t = CrossTaskAttention_t(own: f_t, others: f_{t'})
void CTAN::attend_to_others(TaskFeatures& f) {
  std::vector<Var> bottleneck;
  for (const std::vector<Var>& levels : f) bottleneck.push_back(levels.back());
  for (std::size_t t = 0; t < f.size(); ++t)
    f[t].back() = bottleneck_[t].attend(bottleneck[t], others(bottleneck, t), t, record());
}

std::vector<Var> CTAN::outputs(const Var& x) {
  if (record()) record()->clear(tasks().size());
  const Features shared = encoder_.features(x);
  TaskFeatures f = options_.has_encoder_part() ? attended_features(shared) : embedded_features(shared);
  if (options_.has_bottleneck_part()) attend_to_others(f);
  return branch_outputs(f);
}

}  // namespace medusa::mtl

#include "mtl/networks/mtan.h"

namespace medusa::mtl {

MTAN::MTAN(const ModelConfig& config)
    : SharedModel(config),
      attention_(per_task<nn::ModuleList<AttentionMask>>("attention")),
      refine_(add<nn::ModuleList<nn::Module>>("refine")) {
  check_two_tasks(config);
  const std::vector<std::int64_t>& c = backbone_.channels;
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    auto& levels = attention_.put(t);
    for (std::size_t j = 0; j < c.size(); ++j)
      levels.push(config.spatial_dims, j == 0 ? c[j] : 2 * c[j], backbone_.attention_width(j), c[j], backbone_.norm);
  }
  for (std::size_t j = 0; j + 1 < c.size(); ++j) refine_.push(make_refine(config, j));
}

// At every level j, for every task t  [MTAN, eq. 1 and 2; its code's ResNet variant]:
//   m_t = sigma(BN(Conv1x1(relu(BN(Conv1x1([u_j ; a_t]))))))       the mask  (j = 0: of u_0 alone)
//   f_t = m_t * p_j                                                what the task sees of this level
//   a_t = maxpool2(Refine_j(f_t))                                  handed on to the next level
std::vector<Var> MTAN::outputs(const Var& x) {
  const Features shared = encoder_.features(x);
  const std::size_t T = tasks().size(), L = shared.p.size();
  std::vector<std::vector<Var>> f(T);
  std::vector<Var> a(T);
  if (record()) record()->clear(T);
  for (std::size_t j = 0; j < L; ++j)
    for (std::size_t t = 0; t < T; ++t) {
      const Var m = attention_[t][j](j == 0 ? shared.u[j] : concat({shared.u[j], a[t]}));
      if (record()) record()->add_mask(t, m.value());
      f[t].push_back(m * shared.p[j]);
      if (j + 1 < L) a[t] = max_pool(refine_[j](f[t][j]));
    }
  return branch_outputs(f);
}

}  // namespace medusa::mtl

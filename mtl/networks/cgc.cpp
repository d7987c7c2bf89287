#include "mtl/networks/cgc.h"

namespace medusa::mtl {

namespace {

//   g = softmax(W mean_S(x) + b)                                   a weight per expert, for each sample
//   sum_e g_e p_e                                                  p: the experts' features, each [N, S, C]
Var mixture(nn::Linear& gate, const Var& x, const std::vector<Var>& p) {
  const Var g = softmax(gate(global_avg_pool(x)));
  Shape one(std::vector<std::int64_t>(static_cast<std::size_t>(p[0].rank()), 1));  // [N, 1, .., 1]
  one[0] = x.size(0);
  Var sum;
  for (std::size_t e = 0; e < p.size(); ++e) {
    const Var part = p[e] * reshape(slice(g, 1, static_cast<std::int64_t>(e), 1), one);
    sum = e == 0 ? part : sum + part;
  }
  return sum;
}

// p_j of every expert, of the same input.
std::vector<Var> features(const nn::ModuleList<Encoder>& experts, std::size_t j, const Var& in) {
  std::vector<Var> p;
  for (std::size_t e = 0; e < experts.size(); ++e) p.push_back(experts[e].level(j, in).p);
  return p;
}

std::vector<Var> joined(std::vector<Var> a, const std::vector<Var>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

CGC::CGC(const ModelConfig& config, const CgcOptions& options)
    : BranchedModel(config),
      shared_(add<Experts>("shared_experts")),
      own_(per_task<Experts>("own_experts")),
      shared_gate_(add<Gates>("shared_gate")),
      gates_(per_task<Gates>("gates")) {
  check_two_tasks(config);
  for (std::int64_t e = 0; e < options.shared; ++e) shared_.push(make_encoder(config));
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    own_.put(t);
    for (std::int64_t e = 0; e < options.own; ++e) own_[t].push(make_encoder(config));
  }
  add_gates();
  add_branches();
}

void CGC::add_gates() {
  const std::size_t L = backbone_.levels(), T = tasks().size(), own = own_[0].size();
  const auto inputs = [&](std::size_t j) { return j == 0 ? config().in_channels : backbone_.channels[j - 1]; };
  const auto experts = [](std::size_t count) { return static_cast<std::int64_t>(count); };
  for (std::size_t j = 0; j + 1 < L; ++j)
    shared_gate_.put(std::to_string(j), inputs(j), experts(shared_.size() + T * own));
  for (std::size_t t = 0; t < T; ++t) {
    gates_.put(t);
    const bool reads_all = tasks()[t].traits().pixel_level || own > 0;
    for (std::size_t j = reads_all ? 0 : L - 1; j < L; ++j)
      gates_[t].put(std::to_string(j), inputs(j), experts(shared_.size() + own));
  }
}

//   h   --> shared experts, level j --p_e--> gate_t --f_t--> (skip j of decoder_t, head_t), own experts_t of level j+1
//   f_t --> own experts_t,  level j --p_e--> gate_t, shared gate;   shared gate --h--> shared experts of level j+1
// At every level j, with h = f_t = x before level 0:
//   p_e = level j of expert e, of h for the shared experts, of f_t for those of task t
//   f_t = sum_e g_t,e p_e,  g_t = softmax(W_t mean_S(f_t) + b_t)   over the shared experts and t's own
//   h   = sum_e g_e p_e,    g = softmax(W mean_S(h) + b)           over all experts, for the next level
// The gate of a task without experts of its own looks at h instead of f_t, as the shared experts do.
std::vector<Var> CGC::outputs(const Var& x) {
  const std::size_t T = tasks().size();
  std::vector<std::vector<Var>> levels(T);
  Var h = x;
  std::vector<Var> f(T, x);
  for (std::size_t j = 0; j < backbone_.levels(); ++j) {
    const std::string level = std::to_string(j);
    const std::vector<Var> shared = features(shared_, j, h);
    std::vector<Var> all = shared;
    for (std::size_t t = 0; t < T; ++t) {
      const std::vector<Var> own = features(own_[t], j, f[t]);
      all = joined(all, own);
      // Without a gate nothing reads this task's features of this level.
      if (nn::Linear* gate = gates_[t].find(level)) f[t] = mixture(*gate, own.empty() ? h : f[t], joined(shared, own));
      levels[t].push_back(f[t]);
    }
    if (nn::Linear* gate = shared_gate_.find(level)) h = mixture(*gate, h, all);
  }
  return branch_outputs(levels);
}

std::vector<Encoder*> CGC::encoders() {
  std::vector<Encoder*> all;
  for (std::size_t e = 0; e < shared_.size(); ++e) all.push_back(&shared_[e]);
  for (std::size_t t = 0; t < tasks().size(); ++t)
    for (std::size_t e = 0; e < own_[t].size(); ++e) all.push_back(&own_[t][e]);
  return all;
}

}  // namespace medusa::mtl

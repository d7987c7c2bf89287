#include "mtl/balancing/task_balancing.h"

#include <cmath>
#include <limits>

#include "autograd/ops.h"
#include "autograd/read_back.h"
#include "tensor/kernels.h"

namespace medusa::mtl {

namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

// sum_t weights[t] g[t], in double: a huge weight on a tiny gradient must not overflow.
Tensor weighted_sum_of(const std::vector<Tensor>& g, const Vector& weights) {
  Tensor y = Tensor::empty_like(g.front());
  std::vector<const real*> places;
  for (const Tensor& t : g) places.push_back(t.data());
  kernels::combination(y.device(), places.data(), weights.data(), static_cast<std::int64_t>(g.size()), y.mutable_data(),
                       y.numel());
  return y;
}

// sum_t weights[t] L_t; a weight of exactly 1 costs nothing.
Var weighted_losses(const std::vector<Var>& losses, const Vector& weights) {
  Var total;
  for (std::size_t t = 0; t < losses.size(); ++t) {
    if (!losses[t]) continue;
    const Var weighted = weights[t] == 1 ? losses[t] : losses[t] * static_cast<real>(weights[t]);
    total = total ? total + weighted : weighted;
  }
  return total;
}

}  // namespace

TaskBalancing::TaskBalancing(Model& model, const BalanceOptions& options)
    : method_(options.name), balancer_(make_balancer(options, model.tasks().size())), parameters_(model.parameters()) {
  const bool alone = model.tasks().size() < 2;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    is_shared_.push_back(!alone && parameters_[i].owner == nn::kNoOwner);
    if (is_shared_[i]) shared_.push_back(i);
  }
  if (!shares()) balancer_ = make_balancer({}, model.tasks().size());  // equal
}

BalancedStep TaskBalancing::backward(const std::vector<Var>& losses, std::int64_t step, double lr, bool measure) {
  const std::size_t n = losses.size();
  BalancedStep result;
  const bool every_step = measures_every_step();
  std::vector<Gradients> gradients;
  if (every_step || (measure && shares())) gradients = task_gradients(losses, !every_step);
  BalanceInput input{Vector(n, 0.0), {}, step, lr};
  const bool good = read(losses, gradients, &input);
  result.gram = input.gram;
  if (!every_step) gradients.clear();
  // Not finite: the plain sum passes that on to the gradients, where the trainer's check finds it.
  result.weights = good ? check(balancer_->weights(input), losses) : Vector(n, 1.0);
  if (every_step)
    combine(gradients, result.weights);
  else
    weighted_losses(losses, result.weights).backward();
  return result;
}

void TaskBalancing::after_step(const std::vector<Var>& losses) {
  BalanceInput input{Vector(losses.size(), 0.0), {}, 0, 0};
  if (read(losses, {}, &input)) balancer_->after_step(input.losses);
}

// Reads what the method needs of this step, in one copy from the device; false if a value is not finite.
bool TaskBalancing::read(const std::vector<Var>& losses, const std::vector<Gradients>& gradients,
                         BalanceInput* input) const {
  const std::size_t n = losses.size();
  const bool want_losses = balancer_->needs_losses();
  std::vector<Tensor> wanted = gradients.empty() ? std::vector<Tensor>() : gram(gradients);
  for (std::size_t t = 0; t < n; ++t) wanted.push_back(want_losses && losses[t] ? losses[t].value() : Tensor());
  const std::vector<std::vector<double>> numbers = read_back(wanted);
  bool good = true;
  auto at = numbers.begin();
  if (!gradients.empty()) {
    input->gram.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i; j < n; ++j, ++at) {
        input->gram[i * n + j] = input->gram[j * n + i] = at->at(0) + at->at(1);
        good = good && std::isfinite(at->at(0));
      }
  }
  for (std::size_t t = 0; t < n; ++t, ++at) {
    if (!losses[t]) input->losses[t] = kAbsent;
    if (at->empty()) continue;
    input->losses[t] = at->at(0);
    good = good && std::isfinite(at->at(0));
  }
  return good;
}

// Weights of tasks with a label must be finite; those of the others become NaN.
Vector TaskBalancing::check(Vector weights, const std::vector<Var>& losses) const {
  for (std::size_t t = 0; t < weights.size(); ++t) {
    if (!losses[t]) weights[t] = kAbsent;
    MEDUSA_CHECK(!losses[t] || std::isfinite(weights[t]), "balancing {}: weight {} of task {}", method_, weights[t], t);
  }
  return weights;
}

// A backward pass for every loss over one graph; the parameters hold no gradients afterwards.
std::vector<TaskBalancing::Gradients> TaskBalancing::task_gradients(const std::vector<Var>& losses, bool keep_graph) {
  std::vector<Gradients> gradients(losses.size());
  std::size_t last = 0;
  for (std::size_t t = 0; t < losses.size(); ++t)
    if (losses[t]) last = t;
  for (std::size_t t = 0; t < losses.size(); ++t) {
    if (losses[t]) losses[t].backward(t == last && !keep_graph ? Var::Graph::Free : Var::Graph::Keep);
    for (nn::Parameter& p : parameters_) {
      gradients[t].push_back(p.var.grad());
      p.var.zero_grad();
    }
  }
  return gradients;
}

// G_ij for i <= j in order, two numbers each (see kernels::inner_product), left on the device.
std::vector<Tensor> TaskBalancing::gram(const std::vector<Gradients>& g) const {
  const Device device = parameters_.front().var.device();
  std::vector<Tensor> products;
  for (std::size_t i = 0; i < g.size(); ++i)
    for (std::size_t j = i; j < g.size(); ++j) {
      std::vector<PairSpan> spans;
      for (std::size_t p : shared_)
        if (g[i][p] && g[j][p]) spans.push_back({g[i][p].data(), g[j][p].data(), g[i][p].numel()});
      products.push_back(Tensor::empty({2}, device));
      kernels::inner_product(device, spans.data(), static_cast<std::int64_t>(spans.size()),
                             products.back().mutable_data());
    }
  return products;
}

void TaskBalancing::combine(const std::vector<Gradients>& gradients, const Vector& weights) {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const bool weighted = is_shared_[p] || balancer_->weighs_own_parameters();
    std::vector<Tensor> g;
    Vector a;
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      if (!gradients[t][p]) continue;
      g.push_back(gradients[t][p]);
      a.push_back(weighted ? weights[t] : 1);
    }
    if (g.size() == 1 && a[0] == 1)
      parameters_[p].var.set_grad(g[0]);
    else if (!g.empty())
      parameters_[p].var.set_grad(weighted_sum_of(g, a));
  }
}

}  // namespace medusa::mtl

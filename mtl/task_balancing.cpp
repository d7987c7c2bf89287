#include "mtl/task_balancing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.h"

namespace medusa::mtl {

namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

// In double and in one fixed order: the same bits for any number of threads.  Eight sums hide the additions' latency.
// Gradients that lie elsewhere are brought to the host.
double dot(const Tensor& x, const Tensor& y) {
  const Tensor here_x = x.to(Device::CPU), here_y = y.to(Device::CPU);
  const real *a = here_x.data(), *b = here_y.data();
  const std::int64_t n = x.numel();
  double sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) sums[k] += static_cast<double>(a[i + k]) * static_cast<double>(b[i + k]);
  for (; i < n; ++i) sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// sum_t weights[t] g[t], in double: a huge weight of a tiny gradient must not overflow on the way.
Tensor combination(const std::vector<const Tensor*>& g, const std::vector<double>& weights) {
  std::vector<Tensor> here;
  for (const Tensor* t : g) here.push_back(t->to(Device::CPU));
  Tensor y = Tensor::empty_like(here.front());
  real* to = y.mutable_data();
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    double sum = 0;
    for (std::size_t t = 0; t < g.size(); ++t) sum += weights[t] * static_cast<double>(here[t].data()[i]);
    to[i] = static_cast<real>(sum);
  }
  return y.to(g.front()->device());
}

Vector values_of(const std::vector<Var>& losses) {
  Vector values;
  for (const Var& loss : losses) values.push_back(loss ? static_cast<double>(loss.item()) : kAbsent);
  return values;
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

bool shared_by_tasks(const std::string& parameter, const std::vector<Task>& tasks) {
  const std::size_t first = parameter.find('.');
  if (first == std::string::npos || parameter.rfind("encoder.", 0) == 0) return true;
  const std::string second = parameter.substr(first + 1, parameter.find('.', first + 1) - first - 1);
  return std::none_of(tasks.begin(), tasks.end(), [&](const Task& task) { return task.name == second; });
}

TaskBalancing::TaskBalancing(Model& model, const BalanceOptions& options)
    : method_(options.name), balancer_(make_balancer(options, model.tasks().size())), parameters_(model.parameters()) {
  const bool alone = model.tasks().size() < 2 || model.groups().size() > 1;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    is_shared_.push_back(!alone && shared_by_tasks(parameters_[i].name, model.tasks()));
    if (is_shared_[i]) shared_.push_back(i);
  }
  if (alone) balancer_ = make_balancer({}, model.tasks().size());  // equal
}

BalancedStep TaskBalancing::backward(const std::vector<Var>& losses, std::int64_t step, bool measure) {
  BalanceInput input{values_of(losses), {}, step};
  if (measures_every_step()) {
    const std::vector<Gradients> gradients = task_gradients(losses, false);
    input.gram = gram(gradients);
    // Not finite: the plain sum shows it to whoever looks at the gradients next.
    const bool good = std::all_of(input.gram.begin(), input.gram.end(), [](double g) { return std::isfinite(g); });
    const Vector weights = good ? check(balancer_->weights(input), losses) : Vector(losses.size(), 1.0);
    combine(gradients, weights);
    return {weights, input.gram};
  }
  BalancedStep result;
  if (measure && shares()) result.gram = gram(task_gradients(losses, true));
  result.weights = check(balancer_->weights(input), losses);
  weighted_losses(losses, result.weights).backward();
  return result;
}

// The weights of tasks that are here are finite and not negative; those of the others become NaN.
Vector TaskBalancing::check(Vector weights, const std::vector<Var>& losses) const {
  for (std::size_t t = 0; t < weights.size(); ++t) {
    if (!losses[t]) weights[t] = kAbsent;
    MEDUSA_CHECK(!losses[t] || (std::isfinite(weights[t]) && weights[t] >= 0), "balancing {}: weight {} of task {}",
                 method_, weights[t], t);
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

Vector TaskBalancing::gram(const std::vector<Gradients>& g) const {
  const std::size_t n = g.size();
  Vector gram(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) {
      for (std::size_t p : shared_)
        if (g[i][p] && g[j][p]) gram[i * n + j] += dot(g[i][p], g[j][p]);
      gram[j * n + i] = gram[i * n + j];
    }
  return gram;
}

void TaskBalancing::combine(const std::vector<Gradients>& gradients, const Vector& weights) {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const bool weighted = is_shared_[p] || balancer_->weighs_own_parameters();
    std::vector<const Tensor*> g;
    std::vector<double> a;
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      if (!gradients[t][p]) continue;
      g.push_back(&gradients[t][p]);
      a.push_back(weighted ? weights[t] : 1);
    }
    if (g.size() == 1 && a[0] == 1)
      parameters_[p].var.set_grad(*g[0]);
    else if (!g.empty())
      parameters_[p].var.set_grad(combination(g, a));
  }
}

}  // namespace medusa::mtl

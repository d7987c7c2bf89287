#include "mtl/balancing/by_losses.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace medusa::mtl {

namespace {

constexpr double kTinyLoss = 1e-12;  // stands for zero, which has no logarithm and no ratio
constexpr double kMostLog = 10;      // keeps uncertainty weighting's s finite if a loss stays at zero

const Vector& entry(const std::map<std::string, Vector>& state, const std::string& name) {
  const auto at = state.find(name);
  MEDUSA_CHECK_INPUT(at != state.end(), "balancing: the saved state lacks '{}'", name);
  return at->second;
}

}  // namespace

Vector softmax(const Vector& x) {
  const double most = *std::max_element(x.begin(), x.end());
  Vector y(x.size());
  double sum = 0;
  for (std::size_t t = 0; t < x.size(); ++t) sum += y[t] = std::exp(x[t] - most);
  for (double& v : y) v /= sum;
  return y;
}

FixedWeights::FixedWeights(std::size_t tasks, const Options& options) : Balancer(tasks), weights_(options.weights) {
  MEDUSA_CHECK_INPUT(weights_.size() == tasks, "balancing fixed: {} weights for {} tasks", weights_.size(), tasks);
}

void DynamicWeightAverage::start_epoch(const std::vector<Vector>& mean_losses) {
  weights_.assign(tasks(), 1.0);
  const std::size_t e = mean_losses.size();
  if (e < 2) return;
  Vector r(tasks());
  for (std::size_t t = 0; t < tasks(); ++t) {
    const double ratio = mean_losses[e - 1][t] / std::max(mean_losses[e - 2][t], kTinyLoss);
    r[t] = (std::isfinite(ratio) ? ratio : 1) / temperature_;
  }
  weights_ = softmax(r);
  for (double& w : weights_) w *= static_cast<double>(tasks());
}

UncertaintyWeighting::UncertaintyWeighting(std::size_t tasks, const Options& options)
    : Balancer(tasks), lr_(options.lr), s_(tasks, 0.0), m_(tasks, 0.0), v_(tasks, 0.0) {}

Vector UncertaintyWeighting::weights(const BalanceInput& input) {
  Vector a(tasks());
  ++step_;
  for (std::size_t t = 0; t < tasks(); ++t) {
    a[t] = 0.5 * std::exp(-s_[t]);
    if (std::isnan(input.losses[t])) continue;
    const double ds = 0.5 - input.losses[t] * a[t];
    m_[t] = 0.9 * m_[t] + 0.1 * ds;
    v_[t] = 0.999 * v_[t] + 0.001 * ds * ds;
    const double m = m_[t] / (1 - std::pow(0.9, step_)), v = v_[t] / (1 - std::pow(0.999, step_));
    s_[t] = std::clamp(s_[t] - lr_ * m / (std::sqrt(v) + 1e-8), -kMostLog, kMostLog);
  }
  return a;
}

std::map<std::string, Vector> UncertaintyWeighting::state() const {
  return {{"s", s_}, {"m", m_}, {"v", v_}, {"step", {step_}}};
}

void UncertaintyWeighting::set_state(const std::map<std::string, Vector>& state) {
  s_ = entry(state, "s");
  m_ = entry(state, "m");
  v_ = entry(state, "v");
  step_ = entry(state, "step").at(0);
}

Vector Famo::weights(const BalanceInput& input) {
  const std::size_t n = tasks();
  if (last_.empty()) last_.assign(n, std::nan(""));
  Vector fall(n, 0.0);  // decrease of the log-losses; 0 for a task without a label
  bool first = true;
  for (std::size_t t = 0; t < n; ++t) {
    if (std::isnan(input.losses[t])) continue;
    const double now = std::log(std::max(input.losses[t], kTinyLoss));
    if (!std::isnan(last_[t])) fall[t] = last_[t] - now, first = false;
    last_[t] = now;
  }
  if (!first) {
    const Vector z = softmax(xi_);
    double mean = 0;  // J(z)^T d = z (d - sum_i z_i d_i)
    for (std::size_t t = 0; t < n; ++t) mean += z[t] * fall[t];
    for (std::size_t t = 0; t < n; ++t) xi_[t] -= lr_ * (z[t] * (fall[t] - mean) + decay_ * xi_[t]);
  }
  Vector a = softmax(xi_);
  double sum = 0;
  for (std::size_t t = 0; t < n; ++t)
    sum += a[t] = std::isnan(input.losses[t]) ? 0 : a[t] / std::max(input.losses[t], kTinyLoss);
  for (double& w : a) w = sum > 0 ? w / sum : 1;
  return a;
}

void Famo::set_state(const std::map<std::string, Vector>& state) {
  xi_ = entry(state, "xi");
  last_ = entry(state, "last");
}

}  // namespace medusa::mtl

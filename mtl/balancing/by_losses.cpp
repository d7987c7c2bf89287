#include "mtl/balancing/by_losses.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::mtl {

namespace {

constexpr double kMostLog = 10;  // keeps uncertainty weighting's s finite if a loss stays at zero

// 1 / L_t; 0 for a task without a label.
Vector one_over(const Vector& losses) {
  Vector a(losses.size());
  for (std::size_t t = 0; t < a.size(); ++t) a[t] = std::isnan(losses[t]) ? 0 : 1 / std::max(losses[t], kTinyLoss);
  return a;
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

Vector UncertaintyWeighting::weights(const BalanceInput& input) {
  Vector a(tasks()), slope(tasks(), std::nan(""));
  for (std::size_t t = 0; t < tasks(); ++t) {
    a[t] = 0.5 * std::exp(-s_[t]);
    if (!std::isnan(input.losses[t])) slope[t] = 0.5 - input.losses[t] * a[t];
  }
  adam_.step(s_, slope, lr_ > 0 ? lr_ : input.lr);
  for (double& s : s_) s = std::clamp(s, -kMostLog, kMostLog);
  return a;
}

std::map<std::string, Vector> UncertaintyWeighting::state() const {
  std::map<std::string, Vector> state{{"s", s_}};
  adam_.save(&state);
  return state;
}

void UncertaintyWeighting::set_state(const std::map<std::string, Vector>& state) {
  s_ = saved(state, "s", tasks());
  adam_.load(state);
}

Vector Famo::weights(const BalanceInput& input) {
  before_ = input.losses;
  Vector a = softmax(xi_);
  double sum = 0;
  for (std::size_t t = 0; t < tasks(); ++t)
    sum += a[t] = std::isnan(before_[t]) ? 0 : a[t] / std::max(before_[t], kTinyLoss);
  for (double& w : a) w = sum > 0 ? w / sum : 1;
  return a;
}

void Famo::after_step(const Vector& losses) {
  const Vector z = softmax(xi_);
  Vector fall(tasks(), 0.0);  // of the log-losses; 0 for a task without a label
  double mean = 0;            // J(z)^T d = z (d - sum_i z_i d_i)
  for (std::size_t t = 0; t < tasks(); ++t) {
    if (std::isnan(before_[t]) || std::isnan(losses[t])) continue;
    fall[t] = std::log(std::max(before_[t], kTinyLoss)) - std::log(std::max(losses[t], kTinyLoss));
    mean += z[t] * fall[t];
  }
  Vector slope(tasks());
  for (std::size_t t = 0; t < tasks(); ++t) slope[t] = z[t] * (fall[t] - mean) + decay_ * xi_[t];
  adam_.step(xi_, slope, lr_);
}

std::map<std::string, Vector> Famo::state() const {
  std::map<std::string, Vector> state{{"xi", xi_}};
  adam_.save(&state);
  return state;
}

void Famo::set_state(const std::map<std::string, Vector>& state) {
  xi_ = saved(state, "xi", tasks());
  adam_.load(state);
}

void SmoothTchebycheff::start_epoch(const std::vector<Vector>& mean_losses) {
  nadir_ = mean_losses.size() >= epoch_ ? mean_losses[epoch_ - 1] : Vector();
}

Vector SmoothTchebycheff::weights(const BalanceInput& input) {
  const std::size_t n = tasks();
  Vector a = one_over(input.losses);
  if (nadir_.empty()) return a;
  Vector worse(n, -std::numeric_limits<double>::infinity());  // than the nadir; without a label: not compared
  bool any = false;
  for (std::size_t t = 0; t < n; ++t) {
    if (std::isnan(input.losses[t])) continue;
    const double nadir = std::isnan(nadir_[t]) ? input.losses[t] : nadir_[t];  // an epoch without a label of the task
    worse[t] = std::log(std::max(input.losses[t], kTinyLoss) / std::max(nadir, kTinyLoss)) / mu_;
    any = true;
  }
  if (!any) return a;
  const Vector share = softmax(worse);
  for (std::size_t t = 0; t < n; ++t) a[t] *= static_cast<double>(n) * share[t];
  return a;
}

Vector ScaleInvariant::weights(const BalanceInput& input) { return one_over(input.losses); }

Vector GeometricLoss::weights(const BalanceInput& input) {
  Vector a = one_over(input.losses);
  double logs = 0, count = 0;
  for (double loss : input.losses)
    if (!std::isnan(loss)) logs += std::log(std::max(loss, kTinyLoss)), ++count;
  if (count == 0) return a;
  for (double& w : a) w *= std::exp(logs / count) / count;
  return a;
}

Vector RandomLossWeights::weights(const BalanceInput& input) {
  Random random(seed_, static_cast<std::uint64_t>(input.step));
  Vector z(tasks());
  for (double& value : z) value = random.normal();
  Vector a = softmax(z);
  for (double& w : a) w *= static_cast<double>(tasks());
  return a;
}

}  // namespace medusa::mtl

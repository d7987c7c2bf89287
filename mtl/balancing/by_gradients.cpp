#include "mtl/balancing/by_gradients.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::mtl {

void GradNorm::start_epoch(const std::vector<Vector>& mean_losses) {
  first_ = mean_losses.empty() ? Vector() : mean_losses.front();
}

Vector GradNorm::weights(const BalanceInput& input) {
  constexpr double kLeast = 1e-3;  // a weight stays positive
  const std::size_t n = tasks();
  Vector present(n), ratio(n, 1.0);
  double count = 0, mean_norm = 0, mean_ratio = 0;
  for (std::size_t t = 0; t < n; ++t) count += present[t] = std::isnan(input.losses[t]) ? 0 : 1;
  if (count == 0) return w_;
  const Vector norms = gradient_norms(input.gram);
  for (std::size_t t = 0; t < n; ++t) {
    if (present[t] > 0 && !first_.empty() && first_[t] > 0) ratio[t] = input.losses[t] / first_[t];
    mean_norm += present[t] * w_[t] * norms[t] / count;
    mean_ratio += present[t] * ratio[t] / count;
  }
  Vector slope(n, std::nan(""));
  for (std::size_t t = 0; t < n; ++t) {
    if (present[t] == 0) continue;
    const double r = mean_ratio > 0 ? ratio[t] / mean_ratio : 1;
    const double gap = w_[t] * norms[t] - mean_norm * std::pow(r, alpha_);
    slope[t] = static_cast<double>((gap > 0) - (gap < 0)) * norms[t];
  }
  const Vector now = w_;
  adam_.step(w_, slope, lr_);
  double sum = 0;
  for (double& w : w_) sum += w = std::max(kLeast, w);
  for (double& w : w_) w *= static_cast<double>(n) / sum;
  return now;
}

std::map<std::string, Vector> GradNorm::state() const {
  std::map<std::string, Vector> state{{"w", w_}};
  adam_.save(&state);
  return state;
}

void GradNorm::set_state(const std::map<std::string, Vector>& state) {
  w_ = saved(state, "w", tasks());
  adam_.load(state);
}

// h_i is stored as coefficients over g_1..g_T; h_i . g_j = (G h_i)_j.
Vector PcGrad::weights(const BalanceInput& input) {
  const std::size_t n = tasks();
  const Vector& gram = input.gram;
  Random random(seed_, static_cast<std::uint64_t>(input.step));
  Vector total(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    Vector h(n, 0.0);
    h[i] = 1;
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    random.shuffle(order);
    for (std::size_t j : order) {
      const double product = dot(&gram[j * n], h);
      if (product < 0 && gram[j * n + j] > 0) h[j] -= product / gram[j * n + j];
    }
    for (std::size_t j = 0; j < n; ++j) total[j] += h[j];
  }
  return total;
}

namespace {

// CAGrad's objective and its minimiser over the simplex, from the Gram matrix; g_0 is the mean gradient.
struct CaGradProblem {
  const Vector& gram;
  double c;
  std::size_t n = task_count(gram);
  Vector gram_g0 = Vector(n, 0.0);  // g_t . g_0
  double g0_norm = 0, longest = 0;  // |g_0|, max |g_t|

  CaGradProblem(const Vector& g, double c_) : gram(g), c(c_) {
    double sum = 0;
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t j = 0; j < n; ++j) gram_g0[t] += gram[t * n + j] / static_cast<double>(n);
      sum += gram_g0[t] / static_cast<double>(n);
    }
    g0_norm = std::sqrt(std::max(0.0, sum));
    for (double norm : gradient_norms(gram)) longest = std::max(longest, norm);
  }
  double norm_of(const Vector& w) const {
    double sum = 0;
    for (std::size_t t = 0; t < n; ++t) sum += w[t] * dot(&gram[t * n], w);
    return std::sqrt(std::max(0.0, sum));
  }
  double value(const Vector& w) const { return dot(gram_g0.data(), w) + c * g0_norm * norm_of(w); }

  // T = 2: the objective is convex, and a golden-section search finds its minimum between the corners.
  Vector minimum_of_two() const {
    auto at = [](double s) { return Vector{1 - s, s}; };
    const double golden = 0.6180339887498949;
    double low = 0, high = 1;
    for (int i = 0; i < 60; ++i) {
      const double left = high - golden * (high - low), right = low + golden * (high - low);
      (value(at(left)) < value(at(right)) ? high : low) = value(at(left)) < value(at(right)) ? right : left;
    }
    return at((low + high) / 2);
  }
  // c |g_0| |g_w| is the least  c |g_0| (|g_w|^2 / s + s) / 2  over s > 0.  For a fixed s the rest is a constant away
  // from a multiple of  |g_w + k g_0|^2,  k = s / (c |g_0|): the shortest vector in the hull of g_t + k g_0.
  Vector minimum_for(double s) const {
    const double k = s / (c * g0_norm);
    Vector shifted = gram;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        shifted[i * n + j] += k * (gram_g0[i] + gram_g0[j]) + k * k * g0_norm * g0_norm;
    return simplex_minimum(shifted);
  }
  // The objective is convex in w and s together, and least where s = |g_w|: at smaller s, |g_w| is larger than s.
  Vector minimum() const {
    if (n == 2) return minimum_of_two();
    double low = 0, high = longest;
    for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
      const double s = (low + high) / 2;
      (norm_of(minimum_for(s)) > s ? low : high) = s;
    }
    return minimum_for(high);
  }
};

}  // namespace

Vector CaGrad::weights(const BalanceInput& input) {
  return solve_active(input.gram, [this](const Vector& gram) {
    const CaGradProblem problem(gram, c_);
    Vector a(problem.n, 1.0);
    if (c_ * problem.g0_norm == 0) return a;
    const Vector w = problem.minimum();
    const double norm = problem.norm_of(w), n = static_cast<double>(problem.n);
    if (!(norm > 1e-7 * problem.longest)) return a;  // g_w has no direction: the mean gradient itself
    const double pull = c_ * problem.g0_norm / norm;
    for (std::size_t t = 0; t < problem.n; ++t) a[t] = n * (1 / n + pull * w[t]);
    return a;
  });
}

namespace {

// With b_t = a_t |g_t| and the cosine matrix C:  (C b)_1 = (C b)_i  means  C b = constant.
Vector imtl_active(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Vector norms = gradient_norms(gram), cosines = gradient_cosines(gram);
  Vector b, a(n);
  const bool solved = solve_linear(cosines, Vector(n, 1.0), b);
  double sum = 0;
  for (std::size_t t = 0; t < n; ++t) sum += a[t] = (solved ? b[t] : 1.0) / norms[t];
  if (!(std::fabs(sum) > 1e-9)) {
    sum = 0;
    for (std::size_t t = 0; t < n; ++t) sum += a[t] = 1 / norms[t];
  }
  for (double& w : a) w *= static_cast<double>(n) / sum;
  return a;
}

// b_t = a_t |g_t| solves b_t (C b)_t = 1: the stationary point of the convex  b^T C b / 2 - sum log b_t.  Minimising
// over one b_t is a quadratic equation, and cycling over all of them converges.
Vector nash_active(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Vector norms = gradient_norms(gram);
  Vector cosines = gradient_cosines(gram), b(n, 1.0);
  if (n == 2) {
    const double one = 1 / std::sqrt(std::max(NashMtl::kLeastNash, 1 + cosines[1]));
    return {one / norms[0], one / norms[1]};
  }
  for (std::size_t t = 0; t < n; ++t) cosines[t * n + t] = 1 + NashMtl::kLeastNash;  // bounded even where C is singular
  for (int round = 0; round < 1000; ++round) {
    double change = 0;
    for (std::size_t t = 0; t < n; ++t) {
      const double c = cosines[t * n + t], s = dot(&cosines[t * n], b) - c * b[t];
      const double next = (-s + std::sqrt(s * s + 4 * c)) / (2 * c);
      change = std::max(change, std::fabs(next - b[t]) / next);
      b[t] = next;
    }
    if (change < 1e-12) break;
  }
  for (std::size_t t = 0; t < n; ++t) b[t] /= norms[t];
  return b;
}

}  // namespace

Vector Imtl::weights(const BalanceInput& input) { return solve_active(input.gram, imtl_active); }

Vector NashMtl::weights(const BalanceInput& input) { return solve_active(input.gram, nash_active); }

}  // namespace medusa::mtl

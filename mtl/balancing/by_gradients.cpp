#include "mtl/balancing/by_gradients.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::mtl {

namespace {

// The tasks whose gradient is not zero.
std::vector<std::size_t> active_tasks(const Vector& gram) {
  const std::size_t n = task_count(gram);
  std::vector<std::size_t> active;
  for (std::size_t t = 0; t < n; ++t)
    if (gram[t * n + t] > 0) active.push_back(t);
  return active;
}

// Rows and columns of the active tasks only.
Vector submatrix(const Vector& gram, const std::vector<std::size_t>& active) {
  const std::size_t n = task_count(gram), k = active.size();
  Vector sub(k * k);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) sub[i * k + j] = gram[active[i] * n + active[j]];
  return sub;
}

// Solves for the active tasks; the others get 0.
Vector solve_active(const Vector& gram, const std::function<Vector(const Vector&)>& solve) {
  const std::vector<std::size_t> active = active_tasks(gram);
  Vector a(task_count(gram), 0.0);
  if (active.empty()) return a;
  const Vector part = solve(submatrix(gram, active));
  for (std::size_t i = 0; i < active.size(); ++i) a[active[i]] = part[i];
  return a;
}

double dot(const double* x, const Vector& y) { return std::inner_product(y.begin(), y.end(), x, 0.0); }

}  // namespace

Vector GradNorm::weights(const BalanceInput& input) {
  const std::size_t n = tasks();
  if (first_.empty()) first_ = input.losses;
  Vector present(n);
  double count = 0;
  for (std::size_t t = 0; t < n; ++t) {
    count += present[t] = std::isnan(input.losses[t]) ? 0 : 1;
    if (std::isnan(first_[t])) first_[t] = input.losses[t];
  }
  if (count == 0) return w_;
  const Vector norms = gradient_norms(input.gram);
  Vector ratio(n);
  double mean_norm = 0, mean_ratio = 0;
  for (std::size_t t = 0; t < n; ++t) {
    ratio[t] = present[t] > 0 && first_[t] > 0 ? input.losses[t] / first_[t] : 1;
    mean_norm += present[t] * w_[t] * norms[t] / count;
    mean_ratio += present[t] * ratio[t] / count;
  }
  double sum = 0;
  for (std::size_t t = 0; t < n; ++t) {
    const double r = mean_ratio > 0 ? ratio[t] / mean_ratio : 1;
    const double gap = w_[t] * norms[t] - mean_norm * std::pow(r, alpha_);
    if (present[t] > 0) w_[t] = std::max(1e-3, w_[t] - lr_ * static_cast<double>((gap > 0) - (gap < 0)) * norms[t]);
    sum += w_[t];
  }
  for (double& w : w_) w *= static_cast<double>(n) / sum;
  return w_;
}

void GradNorm::set_state(const std::map<std::string, Vector>& state) {
  MEDUSA_CHECK_INPUT(state.count("w") && state.count("first"), "balancing: the saved state is not GradNorm's");
  w_ = state.at("w");
  first_ = state.at("first");
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
    std::vector<std::size_t> others;
    for (std::size_t j = 0; j < n; ++j)
      if (j != i) others.push_back(j);
    random.shuffle(others);
    for (std::size_t j : others) {
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
  double g0_norm = 0;

  CaGradProblem(const Vector& g, double c_) : gram(g), c(c_) {
    double sum = 0;
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t j = 0; j < n; ++j) gram_g0[t] += gram[t * n + j] / static_cast<double>(n);
      sum += gram_g0[t] / static_cast<double>(n);
    }
    g0_norm = std::sqrt(std::max(0.0, sum));
  }
  double norm_of(const Vector& w) const {
    double sum = 0;
    for (std::size_t t = 0; t < n; ++t) sum += w[t] * dot(&gram[t * n], w);
    return std::sqrt(std::max(0.0, sum));
  }
  double value(const Vector& w) const { return dot(gram_g0.data(), w) + c * g0_norm * norm_of(w); }

  // The objective is convex: a golden-section search finds its minimum on the segment w + s (e_t - w).
  Vector best_towards(const Vector& w, std::size_t t) const {
    auto at = [&](double s) {
      Vector v = w;
      for (double& x : v) x *= 1 - s;
      v[t] += s;
      return v;
    };
    const double golden = 0.6180339887498949;
    double low = 0, high = 1;
    for (int i = 0; i < 60; ++i) {
      const double left = high - golden * (high - low), right = low + golden * (high - low);
      (value(at(left)) < value(at(right)) ? high : low) = value(at(left)) < value(at(right)) ? right : left;
    }
    return at((low + high) / 2);
  }
  // T = 2: the segment between the two corners is the whole simplex.  T > 2: cyclic line searches towards the corners.
  Vector minimum() const {
    if (n == 2) return best_towards({1, 0}, 1);
    Vector w(n, 1.0 / static_cast<double>(n));
    for (int round = 0; round < 100; ++round)
      for (std::size_t t = 0; t < n; ++t) {
        const Vector next = best_towards(w, t);
        if (value(next) < value(w)) w = next;
      }
    return w;
  }
};

}  // namespace

Vector CaGrad::weights(const BalanceInput& input) {
  return solve_active(input.gram, [this](const Vector& gram) {
    const CaGradProblem problem(gram, c_);
    const Vector w = problem.minimum();
    const double norm = problem.norm_of(w), n = static_cast<double>(problem.n);
    const double pull = norm > 1e-12 * problem.g0_norm && norm > 0 ? c_ * problem.g0_norm / norm : 0;
    Vector a(problem.n);
    for (std::size_t t = 0; t < problem.n; ++t) a[t] = n * (1 / n + pull * w[t]);
    return a;
  });
}

namespace {

// Gaussian elimination with partial pivoting; false if the system is singular.
bool solve_linear(Vector matrix, Vector right, Vector& x) {
  const std::size_t n = right.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::fabs(matrix[i * n + k]) > std::fabs(matrix[pivot * n + k])) pivot = i;
    if (std::fabs(matrix[pivot * n + k]) < 1e-10) return false;
    for (std::size_t j = 0; j < n; ++j) std::swap(matrix[k * n + j], matrix[pivot * n + j]);
    std::swap(right[k], right[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = matrix[i * n + k] / matrix[k * n + k];
      for (std::size_t j = k; j < n; ++j) matrix[i * n + j] -= factor * matrix[k * n + j];
      right[i] -= factor * right[k];
    }
  }
  x.assign(n, 0.0);
  for (std::size_t k = n; k-- > 0;) {
    double sum = right[k];
    for (std::size_t j = k + 1; j < n; ++j) sum -= matrix[k * n + j] * x[j];
    x[k] = sum / matrix[k * n + k];
  }
  return true;
}

// With b_t = a_t |g_t| and the cosine matrix C:  (C b)_1 = (C b)_i  means  C b = constant.
Vector imtl_active(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Vector norms = gradient_norms(gram), cosines = gradient_cosines(gram);
  Vector b, a(n);
  const bool solved = solve_linear(cosines, Vector(n, 1.0), b);
  double sum = 0;
  for (std::size_t t = 0; t < n; ++t) sum += a[t] = std::max(0.0, solved ? b[t] : 1.0) / norms[t];
  if (!(sum > 0))
    for (std::size_t t = 0; t < n; ++t) sum += a[t] = 1 / norms[t];
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

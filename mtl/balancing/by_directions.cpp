#include "mtl/balancing/by_directions.h"

#include <algorithm>
#include <cmath>

#include "mtl/balancing/small_solvers.h"

namespace medusa::mtl {

namespace {

Vector mgda_active(const Vector& gram) {
  Vector a = simplex_minimum(gram);
  for (double& w : a) w *= static_cast<double>(a.size());
  return a;
}

Vector upgrad_active(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Vector h = normalised(gram, 1e-4);
  Vector a(n, 0.0);
  for (std::size_t t = 0; t < n; ++t) {
    Vector least(n, 0.0);
    least[t] = 1;
    const Vector v = box_minimum(h, Vector(n, 0.0), least);
    for (std::size_t i = 0; i < n; ++i) a[i] += v[i];
  }
  return a;
}

Vector aligned_active(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Eigen eigen = symmetric_eigen(gram);
  const double most = *std::max_element(eigen.values.begin(), eigen.values.end());
  const double zero = most * static_cast<double>(n) * 1e-12;
  double least = most;
  for (double l : eigen.values)
    if (l > zero) least = std::min(least, l);
  Vector a(n, 0.0);
  for (std::size_t k = 0; k < n; ++k) {
    if (eigen.values[k] <= zero) continue;
    double ones = 0;  // of the eigenvector
    for (std::size_t t = 0; t < n; ++t) ones += eigen.vectors[t * n + k];
    for (std::size_t t = 0; t < n; ++t) a[t] += std::sqrt(least / eigen.values[k]) * ones * eigen.vectors[t * n + k];
  }
  return a;
}

// The root of  c x + s = x^(-1 / alpha), x > 0: the left side rises, the right one falls.  In y = log x, by bisection
// between bounds that enclose it.
double fair_root(double c, double s, double alpha) {
  const auto above = [&](double y) { return c * std::exp(y) + s > std::exp(-y / alpha); };
  double low = -1, high = 1;
  while (above(low)) low *= 2;
  while (!above(high)) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-15 * std::fabs(high + low); ++i) {
    const double middle = (low + high) / 2;
    (above(middle) ? high : low) = middle;
  }
  return std::exp((low + high) / 2);
}

// The stationary point of a convex function, minimised over one a_t after the other.  With a = k b and G = s H the
// equation keeps its form if k^(1 + 1 / alpha) = 1 / s, so H of trace 1 is solved.
Vector fair_active(const Vector& gram, double alpha) {
  const std::size_t n = task_count(gram);
  const Vector h = normalised(gram, 1e-9);
  Vector b(n, 1.0);
  for (int round = 0; round < 10000; ++round) {
    double change = 0;
    for (std::size_t t = 0; t < n; ++t) {
      const double c = h[t * n + t], rest = dot(&h[t * n], b) - c * b[t];
      const double next = fair_root(c, rest, alpha);
      change = std::max(change, std::fabs(next - b[t]) / next);
      b[t] = next;
    }
    if (change < 1e-13) break;
  }
  double trace = 0;
  for (std::size_t t = 0; t < n; ++t) trace += gram[t * n + t];
  const double k = std::pow(trace, -1 / (1 + 1 / alpha));
  for (double& w : b) w *= k;
  return b;
}

}  // namespace

Vector Mgda::weights(const BalanceInput& input) { return solve_active(input.gram, mgda_active); }

Vector UpGrad::weights(const BalanceInput& input) { return solve_active(input.gram, upgrad_active); }

Vector AlignedMtl::weights(const BalanceInput& input) { return solve_active(input.gram, aligned_active); }

Vector FairGrad::weights(const BalanceInput& input) {
  return solve_active(input.gram, [this](const Vector& gram) { return fair_active(gram, alpha_); });
}

Vector DbMtl::weights(const BalanceInput& input) {
  const Vector norms = gradient_norms(input.gram);
  double most = 0;
  for (std::size_t t = 0; t < tasks(); ++t)
    if (!std::isnan(input.losses[t])) most = std::max(most, norms[t] / std::max(input.losses[t], kTinyLoss));
  Vector a(tasks(), 0.0);
  for (std::size_t t = 0; t < tasks(); ++t)
    if (norms[t] > 0) a[t] = most / norms[t];
  return a;
}

}  // namespace medusa::mtl

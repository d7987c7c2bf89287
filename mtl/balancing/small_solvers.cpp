#include "mtl/balancing/small_solvers.h"

#include <algorithm>
#include <cmath>

#include "mtl/balancing/gram.h"
#include "tensor/check.h"

namespace medusa::mtl {

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

namespace {

// The minimum over the coordinates in `free` alone, the others at 0:  H_ff x_f = d_f.
Vector free_minimum(const Vector& h, const Vector& d, const std::vector<std::size_t>& free) {
  const std::size_t n = d.size();
  Vector part, right, solved, x(n, 0.0);
  for (std::size_t i : free) {
    right.push_back(d[i]);
    for (std::size_t j : free) part.push_back(h[i * n + j]);
  }
  MEDUSA_CHECK(solve_linear(std::move(part), std::move(right), solved), "balancing: a matrix of {} tasks is singular",
               free.size());
  for (std::size_t i = 0; i < free.size(); ++i) x[free[i]] = solved[i];
  return x;
}

}  // namespace

// Lawson and Hanson 1974, chapter 23, for x = v - least >= 0: coordinates become free one by one where the slope still
// falls; those that a step would make negative return to 0.
Vector box_minimum(const Vector& h, const Vector& c, const Vector& least) {
  constexpr double kFlat = 1e-13;
  const std::size_t n = c.size();
  Vector d(n), x(n, 0.0);
  for (std::size_t t = 0; t < n; ++t) d[t] = c[t] - dot(&h[t * n], least);
  std::vector<std::size_t> free;
  for (std::size_t round = 0; round < 10 * n * n; ++round) {
    std::size_t steepest = n;
    double most = kFlat;
    for (std::size_t t = 0; t < n; ++t) {
      const double slope = d[t] - dot(&h[t * n], x);
      if (std::find(free.begin(), free.end(), t) == free.end() && slope > most) most = slope, steepest = t;
    }
    if (steepest == n) break;
    free.push_back(steepest);
    Vector next = free_minimum(h, d, free);
    while (std::any_of(free.begin(), free.end(), [&](std::size_t t) { return next[t] <= 0; })) {
      double step = 1;
      for (std::size_t t : free)
        if (next[t] <= 0) step = std::min(step, x[t] / (x[t] - next[t]));
      for (std::size_t t : free) x[t] += step * (next[t] - x[t]);
      std::erase_if(free, [&](std::size_t t) { return next[t] <= 0 && x[t] <= kFlat; });
      for (std::size_t t = 0; t < n; ++t)
        if (std::find(free.begin(), free.end(), t) == free.end()) x[t] = 0;
      next = free_minimum(h, d, free);
    }
    x = next;
  }
  for (std::size_t t = 0; t < n; ++t) x[t] += least[t];
  return x;
}

Vector normalised(const Vector& gram, double ridge) {
  const std::size_t n = task_count(gram);
  double trace = 0;
  for (std::size_t t = 0; t < n; ++t) trace += gram[t * n + t];
  Vector h = gram;
  for (double& value : h) value /= trace;
  for (std::size_t t = 0; t < n; ++t) h[t * n + t] += ridge;
  return h;
}

// Minimising  v^T G v + (1^T v - 1)^2  over v >= 0 gives the answer's direction: for a fixed direction w on the
// simplex, v = s w is best at s = 1 / (1 + w^T G w), with the value  w^T G w / (1 + w^T G w), smallest where w^T G w
// is.
Vector simplex_minimum(const Vector& gram) {
  const std::size_t n = task_count(gram);
  Vector h = normalised(gram, 1e-9);
  for (double& value : h) value += 1;
  Vector w = box_minimum(h, Vector(n, 1.0), Vector(n, 0.0));
  double sum = 0;
  for (double value : w) sum += value;
  for (double& value : w) value /= sum;
  return w;
}

Eigen symmetric_eigen(Vector a) {
  const std::size_t n = task_count(a);
  Vector q(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) q[i * n + i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double beside = 0, whole = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) (i == j ? whole : beside) += a[i * n + j] * a[i * n + j];
    if (beside <= 1e-32 * whole) break;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) {
        if (a[i * n + j] == 0) continue;
        // The rotation in the plane of i and j that makes a_ij zero.
        const double theta = (a[j * n + j] - a[i * n + i]) / (2 * a[i * n + j]);
        const double t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::hypot(theta, 1.0));
        const double c = 1 / std::hypot(t, 1.0), s = t * c;
        for (std::size_t k = 0; k < n; ++k) {
          const double ki = a[k * n + i], kj = a[k * n + j];
          a[k * n + i] = c * ki - s * kj;
          a[k * n + j] = s * ki + c * kj;
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double ik = a[i * n + k], jk = a[j * n + k], qi = q[k * n + i], qj = q[k * n + j];
          a[i * n + k] = c * ik - s * jk;
          a[j * n + k] = s * ik + c * jk;
          q[k * n + i] = c * qi - s * qj;
          q[k * n + j] = s * qi + c * qj;
        }
      }
  }
  Eigen result{Vector(n), std::move(q)};
  for (std::size_t i = 0; i < n; ++i) result.values[i] = a[i * n + i];
  return result;
}

void SmallAdam::step(Vector& x, const Vector& gradient, double lr) {
  constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
  ++steps_;
  const double scale1 = 1 - std::pow(kBeta1, steps_), scale2 = 1 - std::pow(kBeta2, steps_);
  for (std::size_t t = 0; t < x.size(); ++t) {
    if (std::isnan(gradient[t])) continue;
    m_[t] = kBeta1 * m_[t] + (1 - kBeta1) * gradient[t];
    v_[t] = kBeta2 * v_[t] + (1 - kBeta2) * gradient[t] * gradient[t];
    x[t] -= lr * (m_[t] / scale1) / (std::sqrt(v_[t] / scale2) + kEps);
  }
}

void SmallAdam::save(std::map<std::string, Vector>* state) const {
  (*state)["m"] = m_;
  (*state)["v"] = v_;
  (*state)["step"] = {steps_};
}

void SmallAdam::load(const std::map<std::string, Vector>& state) {
  m_ = saved(state, "m", m_.size());
  v_ = saved(state, "v", v_.size());
  steps_ = saved(state, "step", 1)[0];
}

const Vector& saved(const std::map<std::string, Vector>& state, const std::string& name, std::size_t size) {
  const auto at = state.find(name);
  MEDUSA_CHECK_INPUT(at != state.end() && at->second.size() == size,
                     "balancing: the saved state has no '{}' of {} numbers", name, size);
  return at->second;
}

}  // namespace medusa::mtl

#include "mtl/balancing/gram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/check.h"

namespace medusa::mtl {

std::size_t task_count(const Vector& gram) {
  const auto n = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(gram.size()))));
  MEDUSA_CHECK(n > 0 && n * n == gram.size(), "balancing: a Gram matrix has {} entries, expected a square number",
               gram.size());
  return n;
}

Vector gradient_norms(const Vector& gram) {
  const std::size_t n = task_count(gram);
  Vector norms(n);
  for (std::size_t i = 0; i < n; ++i) norms[i] = std::sqrt(std::max(0.0, gram[i * n + i]));
  return norms;
}

Vector gradient_cosines(const Vector& gram) {
  const std::size_t n = task_count(gram);
  const Vector norms = gradient_norms(gram);
  Vector cosines(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double product = norms[i] * norms[j];
      cosines[i * n + j] = product > 0 ? std::clamp(gram[i * n + j] / product, -1.0, 1.0) : 0.0;
    }
  return cosines;
}

Vector solve_active(const Vector& gram, const std::function<Vector(const Vector&)>& solve) {
  const std::size_t n = task_count(gram);
  std::vector<std::size_t> active;
  for (std::size_t t = 0; t < n; ++t)
    if (gram[t * n + t] > 0) active.push_back(t);
  Vector a(n, 0.0);
  if (active.empty()) return a;
  Vector part;
  for (std::size_t i : active)
    for (std::size_t j : active) part.push_back(gram[i * n + j]);
  const Vector solved = solve(part);
  for (std::size_t i = 0; i < active.size(); ++i) a[active[i]] = solved[i];
  return a;
}

double dot(const double* row, const Vector& y) { return std::inner_product(y.begin(), y.end(), row, 0.0); }

}  // namespace medusa::mtl

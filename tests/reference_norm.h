// Specification of the normalisations: x seen as [outer, length, groups, inner] (see NormGeometry), statistics over
// length x inner, scale and shift per channel.
#pragma once

#include "tensor/geometry.h"
#include "tests/reference.h"

namespace medusa::reference {

// Mean and biased variance of group `group` of matrix `o`.
inline void moments(const Array& x, const NormGeometry& g, std::int64_t o, std::int64_t group, double* mean,
                    double* var) {
  const double count = static_cast<double>(g.length * g.inner);
  auto at = [&](std::int64_t l, std::int64_t i) { return x[((o * g.length + l) * g.groups + group) * g.inner + i]; };
  *mean = *var = 0;
  for (std::int64_t l = 0; l < g.length; ++l)
    for (std::int64_t i = 0; i < g.inner; ++i) *mean += at(l, i) / count;
  for (std::int64_t l = 0; l < g.length; ++l)
    for (std::int64_t i = 0; i < g.inner; ++i) *var += (at(l, i) - *mean) * (at(l, i) - *mean) / count;
}

// y = gamma (x - mean) / sqrt(var + eps) + beta with the statistics of x, or with those given; then max(y, 0) if relu.
inline Array norm(const Array& x, const Array& gamma, const Array& beta, const NormGeometry& g, double eps,
                  bool relu = false, const Array* given_mean = nullptr, const Array* given_var = nullptr) {
  Array y(x.shape);
  for (std::int64_t o = 0; o < g.outer; ++o)
    for (std::int64_t group = 0; group < g.groups; ++group) {
      double mean, var;
      moments(x, g, o, group, &mean, &var);
      if (given_mean != nullptr) mean = (*given_mean)[group], var = (*given_var)[group];
      for (std::int64_t l = 0; l < g.length; ++l)
        for (std::int64_t i = 0; i < g.inner; ++i) {
          const std::int64_t k = ((o * g.length + l) * g.groups + group) * g.inner + i, c = group * g.inner + i;
          const double v = gamma[c] * (x[k] - mean) / std::sqrt(var + eps) + beta[c];
          y[k] = relu && v < 0 ? 0 : v;
        }
    }
  return y;
}

}  // namespace medusa::reference

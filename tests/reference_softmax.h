// Specification of softmax and attention, in double.
#pragma once

#include "tests/reference.h"

namespace medusa::reference {

// y[o, k, i] = e^x[o, k, i] / sum_j e^x[o, j, i]
inline Array softmax(const Array& x, int axis) {
  std::int64_t inner = 1;
  for (int i = axis + 1; i < x.shape.rank(); ++i) inner *= x.size(i);
  const std::int64_t length = x.size(axis), outer = length == 0 ? 0 : x.shape.numel() / (length * inner);
  Array y(x.shape);
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) {
      double total = 0;
      for (std::int64_t k = 0; k < length; ++k) total += std::exp(x[(o * length + k) * inner + i]);
      for (std::int64_t k = 0; k < length; ++k)
        y[(o * length + k) * inner + i] = std::exp(x[(o * length + k) * inner + i]) / total;
    }
  return y;
}

// q [B, n, d], k [B, m, d], v [B, m, e] -> [B, n, e]
inline Array attention(const Array& q, const Array& k, const Array& v, double scale) {
  Array scores(Shape{q.size(0), q.size(1), k.size(1)}), y(Shape{q.size(0), q.size(1), v.size(2)});
  for (std::int64_t b = 0; b < q.size(0); ++b)
    for (std::int64_t i = 0; i < q.size(1); ++i)
      for (std::int64_t j = 0; j < k.size(1); ++j)
        for (std::int64_t c = 0; c < q.size(2); ++c) scores(b, i, j) += scale * q(b, i, c) * k(b, j, c);
  const Array weights = softmax(scores, 2);
  for (std::int64_t b = 0; b < q.size(0); ++b)
    for (std::int64_t i = 0; i < q.size(1); ++i)
      for (std::int64_t j = 0; j < k.size(1); ++j)
        for (std::int64_t c = 0; c < v.size(2); ++c) y(b, i, c) += weights(b, i, j) * v(b, j, c);
  return y;
}

}  // namespace medusa::reference

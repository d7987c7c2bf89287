// Specification of pooling: x [N, D, H, W, C]; places outside the input do not count.
#pragma once

#include <array>

#include "tests/reference.h"

namespace medusa::reference {

using Three = std::array<std::int64_t, 3>;

// Maximum or mean over windows; kernel, stride and pad for depth, height, width.
inline Array pool(const Array& x, const Three& kernel, const Three& stride, const Three& pad, bool maximum) {
  Shape shape = x.shape;
  for (int a = 0; a < 3; ++a) shape[a + 1] = (x.size(a + 1) + 2 * pad[a] - kernel[a]) / stride[a] + 1;
  Array y(shape);
  for (std::int64_t n = 0; n < shape[0]; ++n)
    for (std::int64_t d = 0; d < shape[1]; ++d)
      for (std::int64_t h = 0; h < shape[2]; ++h)
        for (std::int64_t w = 0; w < shape[3]; ++w)
          for (std::int64_t c = 0; c < shape[4]; ++c) {
            double largest = -INFINITY, sum = 0;
            int count = 0;
            for (std::int64_t i = 0; i < kernel[0]; ++i)
              for (std::int64_t j = 0; j < kernel[1]; ++j)
                for (std::int64_t k = 0; k < kernel[2]; ++k) {
                  const std::int64_t di = d * stride[0] - pad[0] + i, hj = h * stride[1] - pad[1] + j,
                                     wk = w * stride[2] - pad[2] + k;
                  if (di < 0 || hj < 0 || wk < 0 || di >= x.size(1) || hj >= x.size(2) || wk >= x.size(3)) continue;
                  const double v = x(n, di, hj, wk, c);
                  largest = std::fmax(largest, v);
                  sum += v;
                  ++count;
                }
            y(n, d, h, w, c) = maximum ? largest : sum / count;
          }
  return y;
}

}  // namespace medusa::reference

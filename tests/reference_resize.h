// Specification of resizing, in double.
#pragma once

#include <algorithm>

#include "tests/reference.h"

namespace medusa::reference {

// Where along an axis of `in` pixels output pixel o of `out` looks: low (1 - share) + (low + 1) share.
struct Place {
  std::int64_t low, high;
  double share;
};
inline Place place(std::int64_t o, std::int64_t in, std::int64_t out, bool linear) {
  if (!linear) return {o * in / out, o * in / out, 0};
  const double x =
      std::max(0.0, (static_cast<double>(o) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5);
  const std::int64_t low = std::min(static_cast<std::int64_t>(x), in - 1);
  return {low, std::min(low + 1, in - 1), x - static_cast<double>(low)};
}

// x [N, D, H, W, C] -> [N, size.., C]; pixel centres at (i + 0.5) / size.
inline Array resize(const Array& x, const std::vector<std::int64_t>& size, bool linear) {
  Array y(Shape{x.size(0), size[0], size[1], size[2], x.size(4)});
  for (std::int64_t n = 0; n < x.size(0); ++n)
    for (std::int64_t d = 0; d < size[0]; ++d)
      for (std::int64_t h = 0; h < size[1]; ++h)
        for (std::int64_t w = 0; w < size[2]; ++w)
          for (std::int64_t c = 0; c < x.size(4); ++c) {
            const Place i = place(d, x.size(1), size[0], linear), j = place(h, x.size(2), size[1], linear),
                        k = place(w, x.size(3), size[2], linear);
            auto along_w = [&](std::int64_t a, std::int64_t b) {
              return x(n, a, b, k.low, c) * (1 - k.share) + x(n, a, b, k.high, c) * k.share;
            };
            auto along_h = [&](std::int64_t a) {
              return along_w(a, j.low) * (1 - j.share) + along_w(a, j.high) * j.share;
            };
            y(n, d, h, w, c) = along_h(i.low) * (1 - i.share) + along_h(i.high) * i.share;
          }
  return y;
}

}  // namespace medusa::reference

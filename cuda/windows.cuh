// Which places a pooling window covers, and which windows cover a place.
#pragma once

#include "cuda/axes.cuh"
#include "tensor/geometry.h"

namespace medusa::cuda {

// The windows along one axis: output o covers the inputs begin(o)..end(o)-1.
template <class Index>
struct WindowAxis {
  Index in, out, kernel, pad;
  FastDivmod<Index> stride;
  MEDUSA_HD Index origin(Index o) const { return o * stride.divisor() - pad; }
  MEDUSA_HD Index begin(Index o) const { return origin(o) < 0 ? 0 : origin(o); }
  MEDUSA_HD Index end(Index o) const { return origin(o) + kernel < in ? origin(o) + kernel : in; }
  MEDUSA_HD Index count(Index o) const { return end(o) - begin(o); }
  // The outputs whose windows contain input i: first(i)..last(i)-1.
  MEDUSA_HD Index first(Index i) const { return i + pad < kernel ? 0 : stride(i + pad - kernel).quotient + 1; }
  MEDUSA_HD Index last(Index i) const {
    const Index o = stride(i + pad).quotient + 1;
    return o < out ? o : out;
  }
};

// Elements are packs of `pack` channels.
template <class Index>
struct Windows {
  Extents<Index, 4> in, out;
  WindowAxis<Index> a, b, d;  // depth, height, width

  Windows(const PoolGeometry& g, std::int64_t pack)
      : in(image_extents<Index>(g.in, g.c / pack)), out(image_extents<Index>(g.out, g.c / pack)) {
    const auto axis = [&](int i) {
      return WindowAxis<Index>{static_cast<Index>(g.in[i]), static_cast<Index>(g.out[i]),
                               static_cast<Index>(g.kernel[i]), static_cast<Index>(g.pad[i]),
                               FastDivmod<Index>(g.stride[i])};
    };
    a = axis(0), b = axis(1), d = axis(2);
  }
  // The number of input place (i, j, k) inside the window of output place (p, q, r).
  MEDUSA_HD Index tap(Index i, Index j, Index k, Index p, Index q, Index r) const {
    return ((i - a.origin(p)) * b.kernel + j - b.origin(q)) * d.kernel + k - d.origin(r);
  }
  // Calls body(input element, tap) for the window of output element `at`, in order.
  template <class Body>
  MEDUSA_HD void for_window(Index at, const Body& body) const {
    const auto y = out.coordinates(at);
    for (Index i = a.begin(y[1]); i < a.end(y[1]); ++i)
      for (Index j = b.begin(y[2]); j < b.end(y[2]); ++j)
        for (Index k = d.begin(y[3]); k < d.end(y[3]); ++k)
          body(in.element(y[0], i, j, k, y[4]), tap(i, j, k, y[1], y[2], y[3]));
  }
  // Calls body(output element, tap, size of its window) for the windows that contain input element `at`, in order.
  template <class Body>
  MEDUSA_HD void for_input(Index at, const Body& body) const {
    const auto x = in.coordinates(at);
    for (Index p = a.first(x[1]); p < a.last(x[1]); ++p)
      for (Index q = b.first(x[2]); q < b.last(x[2]); ++q)
        for (Index r = d.first(x[3]); r < d.last(x[3]); ++r)
          body(out.element(x[0], p, q, r, x[4]), tap(x[1], x[2], x[3], p, q, r),
               static_cast<real>(a.count(p) * b.count(q) * d.count(r)));
  }
};

// One more than the largest number that Windows computes.
inline std::int64_t windows_reach(const PoolGeometry& g) {
  std::int64_t in = g.n * g.c, out = g.n * g.c, taps = 1, reach = 0;
  const auto at_least = [&](std::int64_t n) { reach = reach < n ? n : reach; };
  for (int i = 0; i < 3; ++i) {
    in *= g.in[i], out *= g.out[i], taps *= g.kernel[i];
    at_least(g.in[i] + 2 * g.pad[i] + g.kernel[i] + g.stride[i] + 1);
  }
  at_least(in);
  at_least(out);
  at_least(taps);
  return reach;
}

}  // namespace medusa::cuda

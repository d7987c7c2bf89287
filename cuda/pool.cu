// Pooling: a thread per element of the result, which looks at its window.  The backward pass gathers: a thread per
// input element collects from the windows that contain it, in a fixed order.
#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

// The windows along one axis: output o covers the inputs begin(o)..end(o)-1.
struct Axis {
  std::int64_t in, out, kernel, stride, pad;
  __device__ std::int64_t origin(std::int64_t o) const { return o * stride - pad; }
  __device__ std::int64_t begin(std::int64_t o) const { return origin(o) < 0 ? 0 : origin(o); }
  __device__ std::int64_t end(std::int64_t o) const { return origin(o) + kernel < in ? origin(o) + kernel : in; }
  __device__ std::int64_t count(std::int64_t o) const { return end(o) - begin(o); }
  // The outputs whose windows contain input i: first(i)..last(i)-1.
  __device__ std::int64_t first(std::int64_t i) const { return i + pad < kernel ? 0 : (i + pad - kernel) / stride + 1; }
  __device__ std::int64_t last(std::int64_t i) const {
    const std::int64_t o = (i + pad) / stride + 1;
    return o < out ? o : out;
  }
};

struct Windows {
  std::int64_t n, c;
  Axis a, b, d;  // depth, height, width

  std::int64_t inputs() const { return n * a.in * b.in * d.in * c; }
  std::int64_t outputs() const { return n * a.out * b.out * d.out * c; }
  // The number of input place (i, j, k) inside the window of output place (p, q, r).
  __device__ std::int64_t tap(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t p, std::int64_t q,
                              std::int64_t r) const {
    return ((i - a.origin(p)) * b.kernel + j - b.origin(q)) * d.kernel + k - d.origin(r);
  }
  // Calls body(input element, tap) for the window of output element `at`, in order.
  template <class Body>
  __device__ void for_window(std::int64_t at, const Body& body) const {
    const Coordinates y(at, a.out, b.out, d.out, c);
    for (std::int64_t i = a.begin(y.d); i < a.end(y.d); ++i)
      for (std::int64_t j = b.begin(y.h); j < b.end(y.h); ++j)
        for (std::int64_t k = d.begin(y.w); k < d.end(y.w); ++k)
          body((((y.n * a.in + i) * b.in + j) * d.in + k) * c + y.c, tap(i, j, k, y.d, y.h, y.w));
  }
  // Calls body(output element, tap, size of its window) for the windows that contain input element `at`, in order.
  template <class Body>
  __device__ void for_input(std::int64_t at, const Body& body) const {
    const Coordinates x(at, a.in, b.in, d.in, c);
    for (std::int64_t p = a.first(x.d); p < a.last(x.d); ++p)
      for (std::int64_t q = b.first(x.h); q < b.last(x.h); ++q)
        for (std::int64_t r = d.first(x.w); r < d.last(x.w); ++r)
          body((((x.n * a.out + p) * b.out + q) * d.out + r) * c + x.c, tap(x.d, x.h, x.w, p, q, r),
               static_cast<real>(a.count(p) * b.count(q) * d.count(r)));
  }
};

Windows windows(const PoolGeometry& g) {
  const auto axis = [&](int i) { return Axis{g.in[i], g.out[i], g.kernel[i], g.stride[i], g.pad[i]}; };
  return {g.n, g.c, axis(0), axis(1), axis(2)};
}

// Largest value of a window and the first place that has it; NaN counts as larger than all.
__global__ void max_pool_kernel(const real* x, real* y, std::int32_t* index, Windows w, std::int64_t n) {
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    real best = 0;
    std::int64_t winner = -1;
    w.for_window(at, [&](std::int64_t input, std::int64_t tap) {
      const real v = x[input];
      if (winner >= 0 && !((v > best || v != v) && best == best)) return;
      best = v;
      winner = tap;
    });
    y[at] = best;
    index[at] = static_cast<std::int32_t>(winner);
  }
}

__global__ void max_pool_backward_kernel(const real* dy, const std::int32_t* index, real* dx, Windows w,
                                         std::int64_t n) {
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    real sum = 0;
    w.for_input(at, [&](std::int64_t output, std::int64_t tap, real) {
      if (index[output] == tap) sum += dy[output];
    });
    dx[at] = sum;
  }
}

__global__ void avg_pool_kernel(const real* x, real* y, Windows w, std::int64_t n) {
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    real sum = 0, size = 0;
    w.for_window(at, [&](std::int64_t input, std::int64_t) {
      sum += x[input];
      size += 1;
    });
    y[at] = sum / size;
  }
}

__global__ void avg_pool_backward_kernel(const real* dy, real* dx, Windows w, std::int64_t n) {
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    real sum = 0;
    w.for_input(at, [&](std::int64_t output, std::int64_t, real size) { sum += dy[output] / size; });
    dx[at] = sum;
  }
}

}  // namespace

void max_pool(const real* x, real* y, std::int32_t* index, PoolGeometry g) {
  const Windows w = windows(g);
  launch("max_pool", blocks_for(w.outputs()), max_pool_kernel, x, y, index, w, w.outputs());
}

void max_pool_backward(const real* dy, const std::int32_t* index, real* dx, PoolGeometry g) {
  const Windows w = windows(g);
  launch("max_pool_backward", blocks_for(w.inputs()), max_pool_backward_kernel, dy, index, dx, w, w.inputs());
}

void avg_pool(const real* x, real* y, PoolGeometry g) {
  const Windows w = windows(g);
  launch("avg_pool", blocks_for(w.outputs()), avg_pool_kernel, x, y, w, w.outputs());
}

void avg_pool_backward(const real* dy, real* dx, PoolGeometry g) {
  const Windows w = windows(g);
  launch("avg_pool_backward", blocks_for(w.inputs()), avg_pool_backward_kernel, dy, dx, w, w.inputs());
}

}  // namespace medusa::cuda

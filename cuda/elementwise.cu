// Elementwise kernels: a thread per output element, with the scalar functions of tensor/math.h.
#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/kernels.h"
#include "tensor/random.h"

namespace medusa::cuda {

namespace {

__global__ void fill_kernel(real* y, real value, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) y[i] = value;
}

template <class Op>
__global__ void unary_kernel(real a, const real* x, real* y, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) y[i] = Op::f(x[i], a);
}

template <class Op>
__global__ void unary_backward_kernel(real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) dx[i] = dy[i] * Op::df(x[i], y[i], a);
}

template <class Op>
__global__ void binary_kernel(const real* a, const real* b, real* y, Axes<2> axes, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    std::int64_t offset[2];
    axes.offsets(i, offset);
    y[i] = Op::f(a[offset[0]], b[offset[1]]);
  }
}

__global__ void add_scaled_kernel(real alpha, const real* x, real* y, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) y[i] += alpha * x[i];
}

// A thread per Philox block, which is four elements.
__global__ void dropout_kernel(const real* x, real* y, real p, real scale, std::uint64_t seed, std::uint64_t stream,
                               std::int64_t n) {
  for (std::int64_t block = first_index(); 4 * block < n; block += index_step()) {
    const Philox4 random = philox(seed, stream, static_cast<std::uint64_t>(block));
    for (std::int64_t k = 0; k < 4 && 4 * block + k < n; ++k) {
      const std::int64_t i = 4 * block + k;
      y[i] = uniform24(random.v[k]) < p ? real(0) : x[i] * scale;
    }
  }
}

}  // namespace

void fill(real* y, real value, std::int64_t n) { launch("fill", blocks_for(n), fill_kernel, y, value, n); }

void unary(UnaryOp op, real a, const real* x, real* y, std::int64_t n) {
  switch (op) {
#define X(Name) \
  case UnaryOp::Name: return launch(#Name, blocks_for(n), unary_kernel<Name>, a, x, y, n);
    MEDUSA_UNARY_OPS(X)
#undef X
  }
}

void unary_backward(UnaryOp op, real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n) {
  switch (op) {
#define X(Name) \
  case UnaryOp::Name: return launch(#Name, blocks_for(n), unary_backward_kernel<Name>, a, x, y, dy, dx, n);
    MEDUSA_UNARY_OPS(X)
#undef X
  }
}

void binary(BinaryOp op, const real* a, const real* b, real* y, BinaryGeometry g) {
  const Axes<2> axes = merge_axes<2>(g.size, {g.stride_a, g.stride_b});
  const std::int64_t n = axes.numel();
  switch (op) {
#define X(Name) \
  case BinaryOp::Name: return launch(#Name, blocks_for(n), binary_kernel<Name>, a, b, y, axes, n);
    MEDUSA_BINARY_OPS(X)
#undef X
  }
}

void add_scaled(real alpha, const real* x, real* y, std::int64_t n) {
  launch("add_scaled", blocks_for(n), add_scaled_kernel, alpha, x, y, n);
}

void dropout(const real* x, real* y, real p, std::uint64_t seed, std::uint64_t stream, std::int64_t n) {
  launch("dropout", blocks_for(divide_up(n, 4)), dropout_kernel, x, y, p, 1 / (1 - p), seed, stream, n);
}

}  // namespace medusa::cuda

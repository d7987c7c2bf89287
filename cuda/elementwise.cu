// Elementwise kernels: a thread per output element, with the scalar functions of tensor/math.h.
#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/kernels.h"
#include "tensor/random.h"

namespace medusa::cuda {

namespace {

template <int N>
__global__ void fill_kernel(real* y, real value, std::int64_t n) {
  Pack<N> pack;
  for (int k = 0; k < N; ++k) pack.v[k] = value;
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) pack_at<N>(y + i * N) = pack;
}

template <class Op, int N>
__global__ void unary_kernel(real a, const real* x, real* y, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Pack<N> pack = pack_at<N>(x + i * N);
    for (int k = 0; k < N; ++k) pack.v[k] = Op::f(pack.v[k], a);
    pack_at<N>(y + i * N) = pack;
  }
}

template <class Op, int N>
__global__ void unary_backward_kernel(real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const Pack<N> in = pack_at<N>(x + i * N), out = pack_at<N>(y + i * N);
    Pack<N> d = pack_at<N>(dy + i * N);
    for (int k = 0; k < N; ++k) d.v[k] *= Op::df(in.v[k], out.v[k], a);
    pack_at<N>(dx + i * N) = d;
  }
}

// N neighbours, or N times the same number.
template <int N>
__device__ Pack<N> operand(const real* x, bool same) {
  if (!same) return pack_at<N>(x);
  Pack<N> pack;
  for (int k = 0; k < N; ++k) pack.v[k] = *x;
  return pack;
}

template <class Op, class Index, int N>
__global__ void binary_kernel(const real* a, const real* b, real* y, Axes<Index, 2> axes, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Index offset[2];
    axes.offsets(static_cast<Index>(i) * N, offset);
    Pack<N> pack = operand<N>(a + offset[0], axes.stride[0][0] == 0);
    const Pack<N> other = operand<N>(b + offset[1], axes.stride[1][0] == 0);
    for (int k = 0; k < N; ++k) pack.v[k] = Op::f(pack.v[k], other.v[k]);
    pack_at<N>(y + i * N) = pack;
  }
}

template <int N>
__global__ void add_scaled_kernel(real alpha, const real* x, real* y, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const Pack<N> more = pack_at<N>(x + i * N);
    Pack<N> pack = pack_at<N>(y + i * N);
    for (int k = 0; k < N; ++k) pack.v[k] += alpha * more.v[k];
    pack_at<N>(y + i * N) = pack;
  }
}

// A thread per Philox block, which is four elements.
__global__ void dropout_kernel(const real* x, real* y, real p, real scale, std::uint64_t seed, std::uint64_t stream,
                               std::int64_t n) {
#pragma unroll 1
  for (std::int64_t block = first_index(); 4 * block < n; block += index_step()) {
    const Philox4 random = philox(seed, stream, static_cast<std::uint64_t>(block));
    for (std::int64_t k = 0; k < 4 && 4 * block + k < n; ++k) {
      const std::int64_t i = 4 * block + k;
      y[i] = uniform24(random.v[k]) < p ? real(0) : x[i] * scale;
    }
  }
}

template <class Op>
void run_unary(const char* name, real a, const real* x, real* y, std::int64_t n) {
  with_pack(in_packs({x, y}, {n}),
            [&]<int N>() { launch(name, blocks_for(n / N), unary_kernel<Op, N>, a, x, y, n / N); });
}

template <class Op>
void run_unary_backward(const char* name, real a, const real* x, const real* y, const real* dy, real* dx,
                        std::int64_t n) {
  with_pack(in_packs({x, y, dy, dx}, {n}),
            [&]<int N>() { launch(name, blocks_for(n / N), unary_backward_kernel<Op, N>, a, x, y, dy, dx, n / N); });
}

template <class Op>
void run_binary(const char* name, const real* a, const real* b, real* y, const MergedAxes<2>& axes) {
  const std::int64_t n = axes.numel();
  if (n == 0) return;
  const bool packs = in_packs({y}, {}) && axes.in_runs_of(kPack) && (axes.stride[0][0] == 0 || in_packs({a}, {})) &&
                     (axes.stride[1][0] == 0 || in_packs({b}, {}));
  with_index_and_pack({n, axes.reach(0), axes.reach(1)}, packs, [&]<class Index, int N>() {
    launch(name, blocks_for(n / N), binary_kernel<Op, Index, N>, a, b, y, axes.template with<Index>(), n / N);
  });
}

}  // namespace

void fill(real* y, real value, std::int64_t n) {
  with_pack(in_packs({y}, {n}), [&]<int N>() { launch("fill", blocks_for(n / N), fill_kernel<N>, y, value, n / N); });
}

void unary(UnaryOp op, real a, const real* x, real* y, std::int64_t n) {
  switch (op) {
#define X(Name) \
  case UnaryOp::Name: return run_unary<Name>(#Name, a, x, y, n);
    MEDUSA_UNARY_OPS(X)
#undef X
  }
}

void unary_backward(UnaryOp op, real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n) {
  switch (op) {
#define X(Name) \
  case UnaryOp::Name: return run_unary_backward<Name>(#Name, a, x, y, dy, dx, n);
    MEDUSA_UNARY_OPS(X)
#undef X
  }
}

void binary(BinaryOp op, const real* a, const real* b, real* y, BinaryGeometry g) {
  const MergedAxes<2> axes = merge_axes<2>(g.size, {g.stride_a, g.stride_b});
  switch (op) {
#define X(Name) \
  case BinaryOp::Name: return run_binary<Name>(#Name, a, b, y, axes);
    MEDUSA_BINARY_OPS(X)
#undef X
  }
}

void add_scaled(real alpha, const real* x, real* y, std::int64_t n) {
  with_pack(in_packs({x, y}, {n}),
            [&]<int N>() { launch("add_scaled", blocks_for(n / N), add_scaled_kernel<N>, alpha, x, y, n / N); });
}

void dropout(const real* x, real* y, real p, std::uint64_t seed, std::uint64_t stream, std::int64_t n) {
  launch("dropout", blocks_for(divide_up(n, 4)), dropout_kernel, x, y, p, 1 / (1 - p), seed, stream, n);
}

}  // namespace medusa::cuda

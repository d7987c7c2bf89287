// Softmax along the middle axis of [outer, length, inner].  Long dense rows get a block each, all else a thread per
// column.
#include "cuda/reduce.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

constexpr std::int64_t kLongRow = 64;

struct Larger {
  __device__ real operator()(real a, real b) const { return b > a ? b : a; }
};
struct Plus {
  __device__ double operator()(double a, double b) const { return a + b; }
};

// The largest value is subtracted first: e^x would overflow from x = 89 on in float.
__global__ void softmax_row_kernel(const real* x, real* y, std::int64_t length) {
  x += blockIdx.x * length;
  y += blockIdx.x * length;
  real largest = x[0];
  for (std::int64_t k = threadIdx.x; k < length; k += kThreads) largest = Larger()(largest, x[k]);
  largest = block_reduce(largest, Larger());
  double total = 0;
  for (std::int64_t k = threadIdx.x; k < length; k += kThreads) {
    y[k] = std::exp(x[k] - largest);
    total += static_cast<double>(y[k]);
  }
  const real scale = static_cast<real>(1 / block_reduce(total, Plus()));
  for (std::int64_t k = threadIdx.x; k < length; k += kThreads) y[k] *= scale;
}

template <class Index>
__global__ void softmax_column_kernel(const real* x, real* y, Rows r, FastDivmod<Index> inner) {
#pragma unroll 1
  for (std::int64_t at = first_index(); at < r.outer * r.inner; at += index_step()) {
    const auto [o, i] = inner(static_cast<Index>(at));
    const std::int64_t first = o * r.length * r.inner + i, last = first + r.length * r.inner;
    real largest = x[first];
    for (std::int64_t k = first; k < last; k += r.inner) largest = Larger()(largest, x[k]);
    double total = 0;
    for (std::int64_t k = first; k < last; k += r.inner) {
      y[k] = std::exp(x[k] - largest);
      total += static_cast<double>(y[k]);
    }
    const real scale = static_cast<real>(1 / total);
    for (std::int64_t k = first; k < last; k += r.inner) y[k] *= scale;
  }
}

// dx_k = y_k (dy_k - sum_j dy_j y_j)
__global__ void softmax_backward_row_kernel(const real* y, const real* dy, real* dx, std::int64_t length) {
  const std::int64_t row = blockIdx.x * length;
  double dot = 0;
  for (std::int64_t k = threadIdx.x; k < length; k += kThreads)
    dot += static_cast<double>(dy[row + k]) * static_cast<double>(y[row + k]);
  dot = block_reduce(dot, Plus());
  for (std::int64_t k = threadIdx.x; k < length; k += kThreads)
    dx[row + k] = y[row + k] * (dy[row + k] - static_cast<real>(dot));
}

template <class Index>
__global__ void softmax_backward_column_kernel(const real* y, const real* dy, real* dx, Rows r,
                                               FastDivmod<Index> inner) {
#pragma unroll 1
  for (std::int64_t at = first_index(); at < r.outer * r.inner; at += index_step()) {
    const auto [o, i] = inner(static_cast<Index>(at));
    const std::int64_t first = o * r.length * r.inner + i, last = first + r.length * r.inner;
    double dot = 0;
    for (std::int64_t k = first; k < last; k += r.inner) dot += static_cast<double>(dy[k]) * static_cast<double>(y[k]);
    for (std::int64_t k = first; k < last; k += r.inner) dx[k] = y[k] * (dy[k] - static_cast<real>(dot));
  }
}

bool row_per_block(const Rows& r) { return r.inner == 1 && r.length >= kLongRow; }

}  // namespace

void softmax(const real* x, real* y, Rows r) {
  if (r.length == 0) return;
  if (row_per_block(r)) return launch("softmax", r.outer, softmax_row_kernel, x, y, r.length);
  const std::int64_t n = r.outer * r.inner;
  with_index({n}, [&]<class Index>() {
    launch("softmax", blocks_for(n), softmax_column_kernel<Index>, x, y, r, FastDivmod<Index>(r.inner));
  });
}

void softmax_backward(const real* y, const real* dy, real* dx, Rows r) {
  if (r.length == 0) return;
  if (row_per_block(r)) return launch("softmax_backward", r.outer, softmax_backward_row_kernel, y, dy, dx, r.length);
  const std::int64_t n = r.outer * r.inner;
  with_index({n}, [&]<class Index>() {
    launch("softmax_backward", blocks_for(n), softmax_backward_column_kernel<Index>, y, dy, dx, r,
           FastDivmod<Index>(r.inner));
  });
}

}  // namespace medusa::cuda

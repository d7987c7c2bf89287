// Pooling: a thread per element of the result, which looks at its window.  The backward pass gathers: a thread per
// input element collects from the windows that contain it, in a fixed order.
#include "cuda/launch.h"
#include "cuda/windows.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

// The taps of N maxima.
template <int N>
struct alignas(N * sizeof(std::int32_t)) Taps {
  std::int32_t v[N];
};

// Largest value of a window and the first place that has it; NaN counts as larger than all.
template <class Index, int N>
__global__ void max_pool_kernel(const real* x, real* y, std::int32_t* index, Windows<Index> w, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Pack<N> best{};
    Taps<N> winner;
    for (int k = 0; k < N; ++k) winner.v[k] = -1;
    w.for_window(static_cast<Index>(i), [&](Index input, Index tap) {
      const Pack<N> pack = pack_at<N>(x + std::int64_t{input} * N);
      for (int k = 0; k < N; ++k) {
        const real v = pack.v[k];
        if (winner.v[k] >= 0 && !((v > best.v[k] || v != v) && best.v[k] == best.v[k])) continue;
        best.v[k] = v;
        winner.v[k] = static_cast<std::int32_t>(tap);
      }
    });
    pack_at<N>(y + i * N) = best;
    *reinterpret_cast<Taps<N>*>(index + i * N) = winner;
  }
}

template <class Index, int N>
__global__ void max_pool_backward_kernel(const real* dy, const std::int32_t* index, real* dx, Windows<Index> w,
                                         std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Pack<N> sum{};
    w.for_input(static_cast<Index>(i), [&](Index output, Index tap, real) {
      const Taps<N> winner = *reinterpret_cast<const Taps<N>*>(index + std::int64_t{output} * N);
      const Pack<N> pack = pack_at<N>(dy + std::int64_t{output} * N);
      for (int k = 0; k < N; ++k)
        if (winner.v[k] == tap) sum.v[k] += pack.v[k];
    });
    pack_at<N>(dx + i * N) = sum;
  }
}

template <class Index, int N>
__global__ void avg_pool_kernel(const real* x, real* y, Windows<Index> w, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Pack<N> sum{};
    real size = 0;
    w.for_window(static_cast<Index>(i), [&](Index input, Index) {
      const Pack<N> pack = pack_at<N>(x + std::int64_t{input} * N);
      for (int k = 0; k < N; ++k) sum.v[k] += pack.v[k];
      size += 1;
    });
    for (int k = 0; k < N; ++k) sum.v[k] /= size;
    pack_at<N>(y + i * N) = sum;
  }
}

template <class Index, int N>
__global__ void avg_pool_backward_kernel(const real* dy, real* dx, Windows<Index> w, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Pack<N> sum{};
    w.for_input(static_cast<Index>(i), [&](Index output, Index, real size) {
      const Pack<N> pack = pack_at<N>(dy + std::int64_t{output} * N);
      for (int k = 0; k < N; ++k) sum.v[k] += pack.v[k] / size;
    });
    pack_at<N>(dx + i * N) = sum;
  }
}

std::int64_t numel(const PoolGeometry& g, const std::int64_t (&size)[3]) {
  return g.n * size[0] * size[1] * size[2] * g.c;
}

// Calls run.operator()<Index, N>(windows).
template <class Run>
void with_windows(const PoolGeometry& g, bool begin_in_packs, const Run& run) {
  with_index_and_pack({windows_reach(g)}, begin_in_packs && g.c % kPack == 0,
                      [&]<class Index, int N>() { run.template operator()<Index, N>(Windows<Index>(g, N)); });
}

}  // namespace

void max_pool(const real* x, real* y, std::int32_t* index, PoolGeometry g) {
  with_windows(g, in_packs({x, y, index}, {}), [&]<class Index, int N>(const Windows<Index>& w) {
    const std::int64_t n = numel(g, g.out) / N;
    launch("max_pool", blocks_for(n), max_pool_kernel<Index, N>, x, y, index, w, n);
  });
}

void max_pool_backward(const real* dy, const std::int32_t* index, real* dx, PoolGeometry g) {
  with_windows(g, in_packs({dy, index, dx}, {}), [&]<class Index, int N>(const Windows<Index>& w) {
    const std::int64_t n = numel(g, g.in) / N;
    launch("max_pool_backward", blocks_for(n), max_pool_backward_kernel<Index, N>, dy, index, dx, w, n);
  });
}

void avg_pool(const real* x, real* y, PoolGeometry g) {
  with_windows(g, in_packs({x, y}, {}), [&]<class Index, int N>(const Windows<Index>& w) {
    const std::int64_t n = numel(g, g.out) / N;
    launch("avg_pool", blocks_for(n), avg_pool_kernel<Index, N>, x, y, w, n);
  });
}

void avg_pool_backward(const real* dy, real* dx, PoolGeometry g) {
  with_windows(g, in_packs({dy, dx}, {}), [&]<class Index, int N>(const Windows<Index>& w) {
    const std::int64_t n = numel(g, g.in) / N;
    launch("avg_pool_backward", blocks_for(n), avg_pool_backward_kernel<Index, N>, dy, dx, w, n);
  });
}

}  // namespace medusa::cuda

// Moving data: permutations, flips, broadcasts, slices.
#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

template <class Index, int N>
__global__ void strided_copy_kernel(const real* x, real* y, Axes<Index, 1> axes, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    Index offset[1];
    axes.offsets(static_cast<Index>(i) * N, offset);
    pack_at<N>(y + i * N) = pack_at<N>(x + offset[0]);
  }
}

// Rows of `row` packs, from x's row_x apart to y's row_y apart.
template <class Index, int N>
__global__ void slice_copy_kernel(const real* x, real* y, FastDivmod<Index> row, Index row_x, Index row_y,
                                  std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto [o, at] = row(static_cast<Index>(i));
    pack_at<N>(y + std::int64_t{o * row_y + at} * N) = pack_at<N>(x + std::int64_t{o * row_x + at} * N);
  }
}

}  // namespace

void strided_copy(const real* x, real* y, StridedGeometry g) {
  const MergedAxes<1> axes = merge_axes<1>(g.size, {g.stride});
  const std::int64_t n = axes.numel();
  if (n == 0) return;
  x += g.offset;
  const bool packs = in_packs({x, y}, {}) && axes.in_runs_of(kPack) && axes.stride[0][0] == 1;
  with_index_and_pack({n, axes.reach(0)}, packs, [&]<class Index, int N>() {
    launch("strided_copy", blocks_for(n / N), strided_copy_kernel<Index, N>, x, y, axes.template with<Index>(), n / N);
  });
}

void slice_copy(const real* x, real* y, SliceGeometry g) {
  const std::int64_t row = g.length * g.inner, row_x = g.from_length * g.inner, row_y = g.to_length * g.inner;
  if (g.outer * row == 0) return;
  x += g.from_start * g.inner;
  y += g.to_start * g.inner;
  const bool packs = in_packs({x, y}, {row, row_x, row_y});
  with_index_and_pack({g.outer * row_x, g.outer * row_y}, packs, [&]<class Index, int N>() {
    const std::int64_t n = g.outer * row / N;
    launch("slice_copy", blocks_for(n), slice_copy_kernel<Index, N>, x, y, FastDivmod<Index>(row / N),
           static_cast<Index>(row_x / N), static_cast<Index>(row_y / N), n);
  });
}

}  // namespace medusa::cuda

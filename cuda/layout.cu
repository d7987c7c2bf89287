// Moving data: permutations, flips, broadcasts, slices.
#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

__global__ void strided_copy_kernel(const real* x, real* y, Axes<1> axes, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    std::int64_t offset[1];
    axes.offsets(i, offset);
    y[i] = x[offset[0]];
  }
}

__global__ void slice_copy_kernel(const real* x, real* y, SliceGeometry g) {
  const std::int64_t row = g.length * g.inner;
  for (std::int64_t i = first_index(); i < g.outer * row; i += index_step()) {
    const std::int64_t o = i / row, at = i % row;
    y[(o * g.to_length + g.to_start) * g.inner + at] = x[(o * g.from_length + g.from_start) * g.inner + at];
  }
}

}  // namespace

void strided_copy(const real* x, real* y, StridedGeometry g) {
  const Axes<1> axes = merge_axes<1>(g.size, {g.stride});
  launch("strided_copy", blocks_for(axes.numel()), strided_copy_kernel, x + g.offset, y, axes, axes.numel());
}

void slice_copy(const real* x, real* y, SliceGeometry g) {
  launch("slice_copy", blocks_for(g.outer * g.length * g.inner), slice_copy_kernel, x, y, g);
}

}  // namespace medusa::cuda

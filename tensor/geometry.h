// The plain structs that describe to a kernel what lies where.  All sizes are in elements, never bytes.
#pragma once

#include <cstdint>

#include "tensor/real.h"

namespace medusa {

// A tensor seen as [outer, length, inner], for work along the middle axis: x[(o * length + k) * inner + i].
struct Rows {
  std::int64_t outer = 1, length = 1, inner = 1;
  std::int64_t numel() const { return outer * length * inner; }
};

struct PackedWeights;  // packed_weights.h

// Convolution of x [n, in[0], in[1], in[2], cin] with w [kernel[0], kernel[1], kernel[2], cin/groups, cout]
// to y [n, out[0], out[1], out[2], cout]; axes 0, 1, 2 are depth, height, width.  2D is depth 1 with kernel[0] = 1.
//   out = (in + 2 pad - dilation (kernel - 1) - 1) / stride + 1
struct ConvGeometry {
  std::int64_t n = 1, cin = 1, cout = 1, groups = 1;
  std::int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  std::int64_t stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};
  PackedWeights* packed = nullptr;  // forward on a CPU: where w's packed form is kept; null: nowhere

  std::int64_t in_numel() const { return n * in[0] * in[1] * in[2] * cin; }
  std::int64_t out_numel() const { return n * out[0] * out[1] * out[2] * cout; }
  std::int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  std::int64_t weight_numel() const { return taps() * (cin / groups) * cout; }
};

// Pooling of x [n, in..., c] over windows to y [n, out..., c].  Places outside the input never count:
// maximum ignores them, the average divides by the number of places inside.
struct PoolGeometry {
  std::int64_t n = 1, c = 1;
  std::int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  std::int64_t stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0};
};

// Resizing of x [n, in..., c] to y [n, out..., c], pixel centres at (i + 0.5) / size (align_corners = false).
struct ResizeGeometry {
  std::int64_t n = 1, c = 1;
  std::int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  bool linear = true;  // false: nearest, source index floor(i * in / out)
};

// One view for all normalisations: x as [outer, length, groups, inner]; mean and variance per (outer, group) over
// length x inner; scale and shift per channel c = group * inner + i.
//   batch norm     outer 1   length N*S  groups C  inner 1
//   instance norm  outer N   length S    groups C  inner 1
//   group norm     outer N   length S    groups G  inner C/G
//   layer norm     outer N*S length 1    groups 1  inner C
struct NormGeometry {
  std::int64_t outer = 1, length = 1, groups = 1, inner = 1;
  std::int64_t channels() const { return groups * inner; }
  std::int64_t stats() const { return outer * groups; }
  std::int64_t numel() const { return outer * length * groups * inner; }
};

// c[b] = alpha * op(a[b]) * op(b[b]) + beta * c[b] for b < batch; op transposes where asked.
// op(a) is m x k, op(b) is k x n, c is m x n, all row-major and dense; stride_* from one matrix of the batch to
// the next (0: the same matrix for all).
struct MatmulGeometry {
  std::int64_t batch = 1, m = 1, n = 1, k = 1;
  bool transpose_a = false, transpose_b = false;
  std::int64_t stride_a = 0, stride_b = 0, stride_c = 0;
};

// y[i0, ..., i5] = x[sum_j i_j * stride[j]]: permutations, flips and broadcasts are all of this form.
struct StridedGeometry {
  std::int64_t size[6] = {1, 1, 1, 1, 1, 1};    // of y, outermost first
  std::int64_t stride[6] = {0, 0, 0, 0, 0, 0};  // in x
  std::int64_t offset = 0;                      // of y's first element in x
};

// y = op(a, b) on y's shape; an axis along which an operand has size 1 has stride 0 there.
struct BinaryGeometry {
  std::int64_t size[6] = {1, 1, 1, 1, 1, 1};
  std::int64_t stride_a[6] = {0, 0, 0, 0, 0, 0}, stride_b[6] = {0, 0, 0, 0, 0, 0};
};

// Copies `length` x `inner` elements per outer row from x [outer, from_length, inner] at from_start
// to y [outer, to_length, inner] at to_start: both concatenation and slicing.
struct SliceGeometry {
  std::int64_t outer = 1, inner = 1, length = 1;
  std::int64_t from_length = 1, from_start = 0, to_length = 1, to_start = 0;
};

// What an optimiser's step works on: one parameter of n numbers with its gradient and state.
struct ParameterSpan {
  real* p = nullptr;
  const real* g = nullptr;
  real *first = nullptr, *second = nullptr;  // sgd: momentum or null, null; adam: m, v
  std::int64_t n = 0;
};

// Two runs of n numbers, possibly the same.
struct PairSpan {
  const real *a = nullptr, *b = nullptr;
  std::int64_t n = 0;
};

}  // namespace medusa

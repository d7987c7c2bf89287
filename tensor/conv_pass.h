// Convolution, forward and backward-data, as one concept: passes.  Both backends run these.
#pragma once

#include <cstdint>

#include "tensor/geometry.h"
#include "tensor/real.h"

namespace medusa {

// One axis of a pass: output place out_start + q out_stride, q < count, sums over the taps t < taps the input places
// q in_stride + offset + t offset_step (0 where outside the input), times the weight's tap + t tap_step.
struct ConvAxis {
  std::int64_t count = 0, in_size = 0, out_size = 0;
  std::int64_t in_stride = 1, out_start = 0, out_stride = 1;
  std::int64_t taps = 0, tap = 0, tap_step = 1, offset = 0, offset_step = 1;

  MEDUSA_HD std::int64_t first() const { return offset; }  // least input place
  MEDUSA_HD std::int64_t last() const {                    // greatest
    return (count - 1) * in_stride + offset + (taps - 1) * offset_step;
  }
  MEDUSA_HD std::int64_t span(std::int64_t places) const {
    return (places - 1) * in_stride + (taps - 1) * offset_step + 1;
  }
  MEDUSA_HD bool inside() const { return taps > 0 && first() >= 0 && last() < in_size; }
};

// y[.., o] = bias[o] + sum over taps and c of x[.., c] w[tap][c][o]; `cin` and `cout` are per group.
struct ConvPass {
  ConvAxis axis[3];
  std::int64_t n = 1, groups = 1, cin = 1, cout = 1;
  bool transposed = false;  // the weight's own rows are this pass's output channels (backward-data)
  std::int64_t kernel[3] = {1, 1, 1};
  const real *x = nullptr, *w = nullptr, *bias = nullptr;
  real* y = nullptr;
  PackedWeights* packed = nullptr;  // see ConvGeometry

  MEDUSA_HD std::int64_t taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
};

// The one pass of the forward convolution, without its pointers.
MEDUSA_HD inline ConvPass forward_pass(const ConvGeometry& g) {
  ConvPass p;
  for (int a = 0; a < 3; ++a) {
    p.axis[a] = {g.out[a], g.in[a], g.out[a], g.stride[a], 0, 1, g.kernel[a], 0, 1, -g.pad[a], g.dilation[a]};
    p.kernel[a] = g.kernel[a];
  }
  p.n = g.n, p.groups = g.groups, p.cin = g.cin / g.groups, p.cout = g.cout / g.groups;
  return p;
}

// The phase `phase` of backward-data along one axis: the places i = phase + q stride of dx.
MEDUSA_HD inline ConvAxis backward_axis(const ConvGeometry& g, int a, std::int64_t phase) {
  const std::int64_t stride = g.stride[a], dilation = g.dilation[a];
  ConvAxis axis;
  axis.in_size = g.out[a], axis.out_size = g.in[a];
  axis.count = (g.in[a] - phase + stride - 1) / stride;
  axis.out_start = phase, axis.out_stride = stride;
  // Taps k with (phase + pad - k dilation) divisible by the stride; the last one reaches the lowest place of dy.
  std::int64_t last = -1;
  for (std::int64_t k = 0; k < g.kernel[a]; ++k) {
    if ((phase + g.pad[a] - k * dilation) % stride != 0) continue;
    if (last >= 0) axis.tap_step = last - k;
    last = k;
    ++axis.taps;
  }
  if (axis.taps == 0) return axis;
  axis.tap = last;
  axis.offset = (phase + g.pad[a] - last * dilation) / stride;
  axis.offset_step = axis.taps > 1 ? -axis.tap_step * dilation / stride : 1;
  return axis;
}

// Backward-data: dx[i] sums w[k] dy[o] over o stride + k dilation - pad = i.  The places i with equal i mod stride use
// the same taps at fixed distances: each such phase is a pass like the forward one, from dy to every stride-th place of
// dx, and every place is in one of them.  Calls run(pass) for each, without its pointers.
template <class Run>
inline void for_backward_passes(const ConvGeometry& g, const Run& run) {
  ConvPass p;
  p.n = g.n, p.groups = g.groups, p.cin = g.cout / g.groups, p.cout = g.cin / g.groups, p.transposed = true;
  for (int a = 0; a < 3; ++a) p.kernel[a] = g.kernel[a];
  for (std::int64_t d = 0; d < g.stride[0] && d < g.in[0]; ++d)
    for (std::int64_t h = 0; h < g.stride[1] && h < g.in[1]; ++h)
      for (std::int64_t c = 0; c < g.stride[2] && c < g.in[2]; ++c) {
        p.axis[0] = backward_axis(g, 0, d), p.axis[1] = backward_axis(g, 1, h), p.axis[2] = backward_axis(g, 2, c);
        run(p);
      }
}

}  // namespace medusa

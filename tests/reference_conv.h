// The plain loop nests of convolution, transposed convolution and matrix products.
#pragma once

#include "autograd/ops.h"
#include "tests/reference.h"

namespace medusa::reference {

// [N, (D,) H, W, C] as [N, D, H, W, C]; weights likewise.
inline Array with_depth(Array x, bool weight) {
  if (x.shape.rank() == 5) return x;
  Shape s = x.shape;
  x.shape = weight ? Shape{1, s[0], s[1], s[2], s[3]} : Shape{s[0], 1, s[1], s[2], s[3]};
  return x;
}
inline Array without_depth(Array x, int rank) {
  if (rank == 4) x.shape = Shape{x.shape[0], x.shape[2], x.shape[3], x.shape[4]};
  return x;
}
// 2D is depth 1 without stride, padding or dilation along it.
inline ConvOptions with_depth(ConvOptions options, int rank) {
  if (rank == 4) options.stride[0] = options.dilation[0] = 1, options.pad[0] = 0;
  return options;
}

// y[n, o, c] = bias[c] + sum over taps k and the group's input channels i of x[n, o stride + k dilation - pad, i] w[k,
// i, c]
inline Array conv(const Array& x_any, const Array& w_any, const Array& bias, const ConvOptions& any) {
  const Array x = with_depth(x_any, false), w = with_depth(w_any, true);
  const ConvOptions op = with_depth(any, x_any.shape.rank());
  std::int64_t in[3], out[3], kernel[3];
  for (int a = 0; a < 3; ++a) {
    in[a] = x.size(a + 1);
    kernel[a] = w.size(a);
    out[a] = (in[a] + 2 * op.pad[a] - op.dilation[a] * (kernel[a] - 1) - 1) / op.stride[a] + 1;
  }
  const std::int64_t cin = w.size(3), cout = w.size(4), group_out = cout / op.groups;
  Array y(Shape{x.size(0), out[0], out[1], out[2], cout});
  for (std::int64_t n = 0; n < x.size(0); ++n)
    for (std::int64_t d = 0; d < out[0]; ++d)
      for (std::int64_t h = 0; h < out[1]; ++h)
        for (std::int64_t v = 0; v < out[2]; ++v)
          for (std::int64_t o = 0; o < cout; ++o) {
            double sum = bias.v.empty() ? 0 : bias[o];
            for (std::int64_t i = 0; i < kernel[0]; ++i)
              for (std::int64_t j = 0; j < kernel[1]; ++j)
                for (std::int64_t k = 0; k < kernel[2]; ++k) {
                  const std::int64_t z = d * op.stride[0] + i * op.dilation[0] - op.pad[0];
                  const std::int64_t r = h * op.stride[1] + j * op.dilation[1] - op.pad[1];
                  const std::int64_t q = v * op.stride[2] + k * op.dilation[2] - op.pad[2];
                  if (z < 0 || z >= in[0] || r < 0 || r >= in[1] || q < 0 || q >= in[2]) continue;
                  for (std::int64_t c = 0; c < cin; ++c)
                    sum += x(n, z, r, q, o / group_out * cin + c) * w(i, j, k, c, o);
                }
            y(n, d, h, v, o) = sum;
          }
  return without_depth(y, x_any.shape.rank());
}

// dw[k, i, c] = sum over images and pixels o of x[n, o stride + k dilation - pad, i] dy[n, o, c]
inline Array conv_weight_gradient(const Array& x_any, const Array& dy_any, const Shape& weight,
                                  const ConvOptions& any) {
  const Array x = with_depth(x_any, false), dy = with_depth(dy_any, false);
  const ConvOptions op = with_depth(any, x_any.shape.rank());
  Array dw = with_depth(Array(weight), true);
  const std::int64_t group_in = dw.size(3), group_out = dw.size(4) / op.groups;
  for (std::int64_t i = 0; i < dw.size(0); ++i)
    for (std::int64_t j = 0; j < dw.size(1); ++j)
      for (std::int64_t k = 0; k < dw.size(2); ++k)
        for (std::int64_t n = 0; n < x.size(0); ++n)
          for (std::int64_t d = 0; d < dy.size(1); ++d)
            for (std::int64_t h = 0; h < dy.size(2); ++h)
              for (std::int64_t v = 0; v < dy.size(3); ++v) {
                const std::int64_t z = d * op.stride[0] + i * op.dilation[0] - op.pad[0];
                const std::int64_t r = h * op.stride[1] + j * op.dilation[1] - op.pad[1];
                const std::int64_t q = v * op.stride[2] + k * op.dilation[2] - op.pad[2];
                if (z < 0 || z >= x.size(1) || r < 0 || r >= x.size(2) || q < 0 || q >= x.size(3)) continue;
                for (std::int64_t c = 0; c < group_in; ++c)
                  for (std::int64_t o = 0; o < dw.size(4); ++o)
                    dw(i, j, k, c, o) += x(n, z, r, q, o / group_out * group_in + c) * dy(n, d, h, v, o);
              }
  dw.shape = weight;
  return dw;
}

// Every input pixel adds its product with w to the places of y that conv would read it from.  w [k.., out/groups, in].
inline Array conv_transpose(const Array& x_any, const Array& w_any, const Array& bias, const ConvOptions& any,
                            std::array<std::int64_t, 3> output_pad = {0, 0, 0}) {
  const Array x = with_depth(x_any, false), w = with_depth(w_any, true);
  const ConvOptions op = with_depth(any, x_any.shape.rank());
  if (x_any.shape.rank() == 4) output_pad[0] = 0;
  std::int64_t out[3];
  for (int a = 0; a < 3; ++a)
    out[a] = (x.size(a + 1) - 1) * op.stride[a] - 2 * op.pad[a] + op.dilation[a] * (w.size(a) - 1) + 1 + output_pad[a];
  const std::int64_t cin = w.size(4), group_out = w.size(3), group_in = cin / op.groups, cout = group_out * op.groups;
  Array y(Shape{x.size(0), out[0], out[1], out[2], cout});
  for (std::int64_t p = 0; !bias.v.empty() && p < y.shape.numel(); ++p) y[p] = bias[p % cout];
  for (std::int64_t n = 0; n < x.size(0); ++n)
    for (std::int64_t d = 0; d < x.size(1); ++d)
      for (std::int64_t h = 0; h < x.size(2); ++h)
        for (std::int64_t v = 0; v < x.size(3); ++v)
          for (std::int64_t i = 0; i < w.size(0); ++i)
            for (std::int64_t j = 0; j < w.size(1); ++j)
              for (std::int64_t k = 0; k < w.size(2); ++k) {
                const std::int64_t z = d * op.stride[0] + i * op.dilation[0] - op.pad[0];
                const std::int64_t r = h * op.stride[1] + j * op.dilation[1] - op.pad[1];
                const std::int64_t q = v * op.stride[2] + k * op.dilation[2] - op.pad[2];
                if (z < 0 || z >= out[0] || r < 0 || r >= out[1] || q < 0 || q >= out[2]) continue;
                for (std::int64_t c = 0; c < cin; ++c)
                  for (std::int64_t o = 0; o < group_out; ++o)
                    y(n, z, r, q, c / group_in * group_out + o) += x(n, d, h, v, c) * w(i, j, k, o, c);
              }
  return without_depth(y, x_any.shape.rank());
}

// [m, k] x [k, n] or batches of such; transposes apply before the product.
inline Array matmul(const Array& a, const Array& b, bool transpose_a, bool transpose_b) {
  const std::int64_t batch = a.shape.rank() == 3 ? a.size(0) : 1;
  const std::int64_t m = a.size(transpose_a ? -1 : -2), k = a.size(transpose_a ? -2 : -1),
                     n = b.size(transpose_b ? -2 : -1);
  Array c(a.shape.rank() == 3 ? Shape{batch, m, n} : Shape{m, n});
  for (std::int64_t p = 0; p < batch; ++p)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        for (std::int64_t s = 0; s < k; ++s)
          c[(p * m + i) * n + j] += a[p * m * k + (transpose_a ? s * m + i : i * k + s)] *
                                    b[p * k * n + (transpose_b ? j * k + s : s * n + j)];
  return c;
}

// y = x W^T + b, W [out, in].
inline Array linear(const Array& x, const Array& w, const Array& bias) {
  Shape shape = x.shape;
  const std::int64_t in = w.size(1), out = w.size(0);
  shape[-1] = out;
  Array y(shape);
  for (std::int64_t row = 0; row < shape.numel() / (out > 0 ? out : 1); ++row)
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = bias.v.empty() ? 0 : bias[o];
      for (std::int64_t i = 0; i < in; ++i) sum += x[row * in + i] * w[o * in + i];
      y[row * out + o] = sum;
    }
  return y;
}

}  // namespace medusa::reference

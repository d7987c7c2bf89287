// Convolution and transposed convolution: shape checks, forward, backward.
#include <optional>

#include "autograd/flops.h"
#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"
#include "tensor/weight_cache.h"

namespace medusa {

namespace {

constexpr const char* kAxisName[3] = {"depth", "height", "width"};

// Depth 1 without stride, padding or dilation in 2D.
ConvOptions for_rank(ConvOptions options, int rank) {
  if (rank == 4) options.stride[0] = options.dilation[0] = 1, options.pad[0] = 0;
  return options;
}

void check_operands(const char* op, const Var& x, const Var& weight, const Var& bias, const ConvOptions& options) {
  MEDUSA_CHECK(x && weight, "{}: {} is empty", op, x ? "the weight" : "the input");
  check_one_device(op, {x.value(), weight.value(), bias.value()});
  MEDUSA_CHECK(x.rank() == 4 || x.rank() == 5, "{}: expects [N, H, W, C] or [N, D, H, W, C], input is {}", op,
               x.shape());
  MEDUSA_CHECK(weight.rank() == x.rank(), "{}: input {} expects a weight of rank {}, the weight is {}", op, x.shape(),
               x.rank(), weight.shape());
  MEDUSA_CHECK(options.groups >= 1, "{}: groups is {}, expected 1 or more", op, options.groups);
  MEDUSA_CHECK(weight.size(-1) % options.groups == 0, "{}: the {} channels of weight {} are not divisible by {} groups",
               op, weight.size(-1), weight.shape(), options.groups);
  for (int a = x.rank() == 4 ? 1 : 0; a < 3; ++a) {
    MEDUSA_CHECK(options.stride[a] >= 1 && options.dilation[a] >= 1 && options.pad[a] >= 0,
                 "{}: {}: expects stride >= 1, dilation >= 1, padding >= 0, found {}, {}, {}", op, kAxisName[a],
                 options.stride[a], options.dilation[a], options.pad[a]);
    MEDUSA_CHECK(weight.size(a - (5 - x.rank())) >= 1, "{}: weight {} has no tap along {}", op, weight.shape(),
                 kAxisName[a]);
  }
  const std::int64_t out = op == std::string("conv") ? weight.size(-1) : weight.size(-2) * options.groups;
  MEDUSA_CHECK(!bias || bias.shape() == Shape{out}, "{}: expects a bias of shape [{}], found {}", op, out,
               bias.shape());
}

// All of the geometry but the sizes of the side that follows from the other.
ConvGeometry geometry(const Shape& x, const Shape& weight, const ConvOptions& options) {
  ConvGeometry g;
  g.n = x[0];
  g.groups = options.groups;
  g.cin = weight[-2] * options.groups;
  g.cout = weight[-1];
  for (int a = 0; a < 3; ++a) {
    g.stride[a] = options.stride[a];
    g.pad[a] = options.pad[a];
    g.dilation[a] = options.dilation[a];
    const int axis = a - (5 - x.rank());
    if (axis >= 0) g.kernel[a] = weight[axis];
  }
  return g;
}

Shape image_shape(int rank, std::int64_t n, const std::int64_t* size, std::int64_t channels) {
  return rank == 4 ? Shape{n, size[1], size[2], channels} : Shape{n, size[0], size[1], size[2], channels};
}

// db[c] = sum over images and pixels of dy[.., c]
Tensor bias_gradient(const Tensor& dy) {
  const std::int64_t channels = dy.size(-1);
  Tensor db = Tensor::empty(Shape{channels}, dy.device());
  std::int64_t pixels = 1;
  for (int a = 0; a + 1 < dy.rank(); ++a) pixels *= dy.size(a);
  kernels::sum(dy.device(), dy.data(), 1, db.mutable_data(), Rows{1, pixels, channels});
  return db;
}

// Of one pass: forward, by the input, or by the weights.
std::int64_t flops(const ConvGeometry& g) { return 2 * g.n * g.out[0] * g.out[1] * g.out[2] * g.weight_numel(); }

const real* data_or_null(const Tensor& t) { return t ? t.data() : nullptr; }

// The forward kernel.  Predicting, the same weights come again and again: what the kernel made of them is kept in
// `cache`.  Recording means training: the weights change with every step, and the memory is wanted elsewhere.
void run_forward(const Var& x, const Tensor& weight, const Var& bias, Tensor* y, ConvGeometry g, WeightCache* cache) {
  std::optional<WeightCache::Loan> loan;
  if (cache != nullptr && (grad_enabled() || x.device() != Device::CPU))
    cache->clear();
  else if (cache != nullptr)
    g.packed = loan.emplace(*cache, weight).get();
  kernels::conv(x.device(), x.value().data(), weight.data(), data_or_null(bias.value()), y->mutable_data(), g);
}

}  // namespace

ConvOptions ConvOptions::same(std::int64_t kernel, std::int64_t stride) {
  ConvOptions options;
  options.stride = {stride, stride, stride};
  options.pad = {kernel / 2, kernel / 2, kernel / 2};
  return options;
}

// y[n, o, c] = b[c] + sum_k sum_i x[n, o stride + k dilation - pad, i] w[k, i, c]
//   dx[n, p, i] = sum_k sum_c dy[n, o, c] w[k, i, c]   over o stride + k dilation - pad = p
//   dw[k, i, c] = sum_n sum_o x[n, o stride + k dilation - pad, i] dy[n, o, c]
//   db[c]       = sum_n sum_o dy[n, o, c]
// LeCun et al., "Backpropagation applied to handwritten zip code recognition", 1989.
Var conv(const Var& x, const Var& weight, const Var& bias, const ConvOptions& any, WeightCache* cache) {
  const ConvOptions options = for_rank(any, x.rank());
  check_operands("conv", x, weight, bias, options);
  ConvGeometry g = geometry(x.shape(), weight.shape(), options);
  MEDUSA_CHECK(x.size(-1) == g.cin, "conv: weight {} expects {} input channels, input is {}", weight.shape(), g.cin,
               x.shape());
  for (int a = 5 - x.rank(); a < 3; ++a) {
    g.in[a] = x.size(a - (5 - x.rank()) + 1);
    const std::int64_t room = g.in[a] + 2 * g.pad[a], reach = g.dilation[a] * (g.kernel[a] - 1) + 1;
    MEDUSA_CHECK(reach <= room, "conv: a kernel of {} with dilation {} is larger than the {} of input {} padded by {}",
                 g.kernel[a], g.dilation[a], kAxisName[a], x.shape(), g.pad[a]);
    g.out[a] = (room - reach) / g.stride[a] + 1;
  }

  const SavedTensor kept = weight.requires_grad() ? x.saved() : SavedTensor();
  const Tensor wv = weight.value();
  Tensor y = Tensor::empty(image_shape(x.rank(), g.n, g.out, g.cout), x.device());
  count_flops(flops(g));
  run_forward(x, wv, bias, &y, g, cache);
  const bool need_x = x.requires_grad(), need_w = weight.requires_grad(), need_b = bias.requires_grad();
  std::vector<Var> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return Var::result(
      "conv", y, inputs, [=, from = x.shape(), has_bias = static_cast<bool>(bias)](const Tensor& dy) -> Grads {
        Tensor dx, dw;
        if (need_x) {
          dx = Tensor::empty(from, dy.device());
          count_flops(flops(g));
          kernels::conv_backward_data(dy.device(), dy.data(), wv.data(), nullptr, dx.mutable_data(), g);
        }
        if (need_w) {
          dw = Tensor::empty_like(wv);
          count_flops(flops(g));
          kernels::conv_backward_weights(dy.device(), kept.get().data(), dy.data(), dw.mutable_data(), g);
        }
        if (!has_bias) return {dx, dw};
        return {dx, dw, need_b ? bias_gradient(dy) : Tensor()};
      });
}

// The adjoint of conv: y[n, o stride + k dilation - pad, i] += x[n, o, c] w[k, i, c], plus b[i]
//   dx = conv(dy, w),   dw = conv's weight gradient with dy as input and x as gradient,   db = sum dy
// Zeiler et al., "Deconvolutional networks", CVPR 2010.
Var conv_transpose(const Var& x, const Var& weight, const Var& bias, const ConvOptions& any,
                   std::array<std::int64_t, 3> output_pad) {
  const ConvOptions options = for_rank(any, x.rank());
  if (x.rank() == 4) output_pad[0] = 0;
  check_operands("conv_transpose", x, weight, bias, options);
  ConvGeometry g = geometry(x.shape(), weight.shape(), options);  // of the convolution whose adjoint this is: y -> x
  MEDUSA_CHECK(x.size(-1) == g.cout, "conv_transpose: weight {} expects {} input channels, input is {}", weight.shape(),
               g.cout, x.shape());
  for (int a = 5 - x.rank(); a < 3; ++a) {
    g.out[a] = x.size(a - (5 - x.rank()) + 1);
    MEDUSA_CHECK(output_pad[a] >= 0 && output_pad[a] < g.stride[a],
                 "conv_transpose: {}: output padding {} is outside 0..{} (less than the stride)", kAxisName[a],
                 output_pad[a], g.stride[a] - 1);
    g.in[a] = (g.out[a] - 1) * g.stride[a] - 2 * g.pad[a] + g.dilation[a] * (g.kernel[a] - 1) + 1 + output_pad[a];
    MEDUSA_CHECK(g.in[a] >= 1, "conv_transpose: input {} with kernel {} and padding {} gives {} {}", x.shape(),
                 g.kernel[a], g.pad[a], kAxisName[a], g.in[a]);
  }

  const SavedTensor kept = weight.requires_grad() ? x.saved() : SavedTensor();
  const Tensor wv = weight.value();
  Tensor y = Tensor::empty(image_shape(x.rank(), g.n, g.in, g.cin), x.device());
  count_flops(flops(g));
  kernels::conv_backward_data(x.device(), x.value().data(), wv.data(), data_or_null(bias.value()), y.mutable_data(), g);
  const bool need_x = x.requires_grad(), need_w = weight.requires_grad(), need_b = bias.requires_grad();
  std::vector<Var> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return Var::result("conv_transpose", y, inputs,
                     [=, from = x.shape(), has_bias = static_cast<bool>(bias)](const Tensor& dy) -> Grads {
                       Tensor dx, dw;
                       if (need_x) {
                         dx = Tensor::empty(from, dy.device());
                         count_flops(flops(g));
                         kernels::conv(dy.device(), dy.data(), wv.data(), nullptr, dx.mutable_data(), g);
                       }
                       if (need_w) {
                         dw = Tensor::empty_like(wv);
                         count_flops(flops(g));
                         kernels::conv_backward_weights(dy.device(), dy.data(), kept.get().data(), dw.mutable_data(),
                                                        g);
                       }
                       if (!has_bias) return {dx, dw};
                       return {dx, dw, need_b ? bias_gradient(dy) : Tensor()};
                     });
}

}  // namespace medusa

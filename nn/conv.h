// Convolution layers.  Weights lie in memory as [k.., Cin/groups, Cout] and in files as PyTorch's [Cout, Cin/groups,
// k..].
#pragma once

#include <optional>

#include "autograd/ops.h"
#include "nn/module.h"
#include "tensor/weight_cache.h"

namespace medusa::nn {

namespace detail {

// [kernel, .., kernel, inner, outer], `spatial_dims` times `kernel`.
inline Shape window_shape(const char* layer, int spatial_dims, std::int64_t kernel, std::int64_t inner,
                          std::int64_t outer) {
  MEDUSA_CHECK(spatial_dims == 2 || spatial_dims == 3, "{}: spatial_dims must be 2 or 3, got {}", layer, spatial_dims);
  MEDUSA_CHECK(kernel > 0, "{}: kernel must be at least 1, got {}", layer, kernel);
  Shape shape;
  for (int axis = 0; axis < spatial_dims; ++axis) shape.push_back(kernel);
  shape.push_back(inner);
  shape.push_back(outer);
  return shape;
}

inline void check_channels(const char* layer, std::int64_t in, std::int64_t out, std::int64_t groups) {
  MEDUSA_CHECK(in > 0 && out > 0, "{}: channels must be at least 1, got {} in and {} out", layer, in, out);
  MEDUSA_CHECK(groups > 0 && in % groups == 0 && out % groups == 0,
               "{}: groups must divide the channels, got {} groups for {} in and {} out", layer, groups, in, out);
}

}  // namespace detail

// Convolution with a square window over images (spatial_dims 2: [N, H, W, in] -> [N, H', W', out]) or volumes
// (spatial_dims 3). Weights: He's normal distribution unless `init` says otherwise; bias: uniform within 1 /
// sqrt(fan_in) unless `bias_init` does.
class Conv : public Module {
 public:
  Conv(int spatial_dims, std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvOptions& options = {},
       bool bias = true, std::optional<Init> init = {}, std::optional<Init> bias_init = {})
      : options_(options) {
    detail::check_channels("conv", in, out, options.groups);
    const Shape shape = detail::window_shape("conv", spatial_dims, kernel, in / options.groups, out);
    const std::int64_t fan_in = shape.numel() / out;
    weight_ = param("weight", shape, init.value_or(Init::kaiming_normal(fan_in)), Layout::Conv);
    if (bias) bias_ = param("bias", {out}, bias_init.value_or(Init::torch_default(fan_in)));
  }
  Var forward(const Var& x) override { return conv(x, weight_, bias_, options_, &cache_); }

 private:
  ConvOptions options_;
  Var weight_, bias_;
  WeightCache cache_;
};

class Conv2d : public Conv {
 public:
  Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvOptions& options = {}, bool bias = true)
      : Conv(2, in, out, kernel, options, bias) {}
};

class Conv3d : public Conv {
 public:
  Conv3d(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvOptions& options = {}, bool bias = true)
      : Conv(3, in, out, kernel, options, bias) {}
};

// Transposed convolution: with kernel 2 and stride 2 it doubles every side.  Weights in memory [k.., Cout/groups, Cin],
// in files [Cin, Cout/groups, k..].
class ConvTranspose : public Module {
 public:
  ConvTranspose(int spatial_dims, std::int64_t in, std::int64_t out, std::int64_t kernel,
                const ConvOptions& options = {}, bool bias = true, std::array<std::int64_t, 3> output_pad = {0, 0, 0})
      : options_(options), output_pad_(output_pad) {
    detail::check_channels("conv_transpose", in, out, options.groups);
    const Shape shape = detail::window_shape("conv_transpose", spatial_dims, kernel, out / options.groups, in);
    // Only ceil(kernel / stride) taps per axis reach an output element.
    std::int64_t fan_in = in / options.groups;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t stride = options.stride[axis];
      if (axis > 0 || spatial_dims == 3) fan_in *= stride > 0 ? (kernel + stride - 1) / stride : 1;
    }
    weight_ = param("weight", shape, Init::kaiming_normal(fan_in), Layout::Conv);
    if (bias) bias_ = param("bias", {out}, Init::torch_default(fan_in));
  }
  Var forward(const Var& x) override { return conv_transpose(x, weight_, bias_, options_, output_pad_); }

 private:
  ConvOptions options_;
  std::array<std::int64_t, 3> output_pad_;
  Var weight_, bias_;
};

class ConvTranspose2d : public ConvTranspose {
 public:
  ConvTranspose2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvOptions& options = {},
                  bool bias = true)
      : ConvTranspose(2, in, out, kernel, options, bias) {}
};

class ConvTranspose3d : public ConvTranspose {
 public:
  ConvTranspose3d(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvOptions& options = {},
                  bool bias = true)
      : ConvTranspose(3, in, out, kernel, options, bias) {}
};

}  // namespace medusa::nn

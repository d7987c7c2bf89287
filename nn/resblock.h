// The two blocks that every network here is made of: convolution + batch norm, and the residual block.
#pragma once

#include "nn/conv.h"
#include "nn/norm.h"

namespace medusa::nn {

// y = BN(conv(x)), then max(y, 0) where `relu`.  No bias: the norm would subtract it again.
class ConvNorm : public Module {
 public:
  ConvNorm(int spatial_dims, std::int64_t in, std::int64_t out, std::int64_t kernel = 1, bool relu = false)
      : conv_(add<Conv>("conv", spatial_dims, in, out, kernel, ConvOptions::same(kernel), false)),
        norm_(add<BatchNorm>("norm", out, relu)) {}
  Var forward(const Var& x) override { return norm_(conv_(x)); }

 private:
  Conv& conv_;
  BatchNorm& norm_;
};

// y = relu(BN(conv3(relu(BN(conv3(x))))) + skip(x)), where skip is the identity, or BN(conv1(x)) if the number of
// channels changes  (He, Zhang, Ren, Sun, "Deep residual learning", 2016, fig. 2 and eq. 1, 2).
class ResBlock : public Module {
 public:
  ResBlock(int spatial_dims, std::int64_t in, std::int64_t out)
      : conv1_(add<Conv>("conv1", spatial_dims, in, out, 3, ConvOptions::same(3), false)),
        norm1_(add<BatchNorm>("norm1", out, true)),
        conv2_(add<Conv>("conv2", spatial_dims, out, out, 3, ConvOptions::same(3), false)),
        norm2_(add<BatchNorm>("norm2", out)),
        skip_(in != out ? &add<ConvNorm>("skip", spatial_dims, in, out) : nullptr) {}

  Var forward(const Var& x) override {
    const Var y = norm2_(conv2_(norm1_(conv1_(x))));
    return add_relu(y, skip_ ? skip_->forward(x) : x);
  }

 private:
  Conv& conv1_;
  BatchNorm& norm1_;
  Conv& conv2_;
  BatchNorm& norm2_;
  ConvNorm* skip_;  // null: the identity
};

}  // namespace medusa::nn

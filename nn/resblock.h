// The two building blocks of the networks: convolution + norm, and the residual block.  N in the formulas is the
// chosen norm.
#pragma once

#include "nn/conv.h"
#include "nn/norm.h"

namespace medusa::nn {

// y = N(conv(x)), then max(y, 0) where `relu`.  No bias: the norm would subtract it again.
class ConvNorm : public Module {
 public:
  ConvNorm(int spatial_dims, std::int64_t in, std::int64_t out, std::int64_t kernel = 1, bool relu = false,
           Norm norm = Norm::Batch)
      : conv_(add<Conv>("conv", spatial_dims, in, out, kernel, ConvOptions::same(kernel), false)),
        norm_(add("norm", make_norm(norm, out, relu))) {}
  Var forward(const Var& x) override { return norm_(conv_(x)); }

 private:
  Conv& conv_;
  Module& norm_;
};

// y = relu(N(conv3(relu(N(conv3(x))))) + skip(x)), where skip is the identity, or N(conv1(x)) if the number of
// channels changes  (He, Zhang, Ren, Sun, "Deep residual learning", 2016, fig. 2 and eq. 1, 2).
class ResBlock : public Module {
 public:
  ResBlock(int spatial_dims, std::int64_t in, std::int64_t out, Norm norm = Norm::Batch)
      : conv1_(add<Conv>("conv1", spatial_dims, in, out, 3, ConvOptions::same(3), false)),
        norm1_(add("norm1", make_norm(norm, out, true))),
        conv2_(add<Conv>("conv2", spatial_dims, out, out, 3, ConvOptions::same(3), false)),
        norm2_(add("norm2", make_norm(norm, out))),
        skip_(in != out ? &add<ConvNorm>("skip", spatial_dims, in, out, 1, false, norm) : nullptr) {}

  Var forward(const Var& x) override {
    const Var y = norm2_(conv2_(norm1_(conv1_(x))));
    return add_relu(y, skip_ ? skip_->forward(x) : x);
  }

 private:
  Conv& conv1_;
  Module& norm1_;
  Conv& conv2_;
  Module& norm2_;
  ConvNorm* skip_;  // null: the identity
};

}  // namespace medusa::nn

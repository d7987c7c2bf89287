// Linear: y = x W^T + b over the last axis.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::nn {

// x [.., in] -> [.., out]; weight [out, in] and bias [out], both initially uniform within 1 / sqrt(in).
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, bool bias = true) {
    MEDUSA_CHECK(in > 0 && out > 0, "linear: features must be at least 1, got {} in and {} out", in, out);
    weight_ = param("weight", {out, in}, Init::torch_default(in));
    if (bias) bias_ = param("bias", {out}, Init::torch_default(in));
  }
  Var forward(const Var& x) override { return linear(x, weight_, bias_); }

 private:
  Var weight_, bias_;
};

}  // namespace medusa::nn

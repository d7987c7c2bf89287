// Dropout: noise in training, nothing in evaluation.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::nn {

// In training an element becomes 0 with probability p and is divided by 1 - p otherwise, so its mean stays the same.
class Dropout : public Module {
 public:
  explicit Dropout(real p = real(0.5)) : p_(p) {
    MEDUSA_CHECK(p >= 0 && p < 1, "dropout: probability must be in [0, 1), got {}", p);
  }
  Var forward(const Var& x) override { return training() && p_ > 0 ? dropout(x, p_) : x; }

 private:
  real p_;
};

}  // namespace medusa::nn

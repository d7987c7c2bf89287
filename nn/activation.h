// Activation functions as modules, for use in a Sequential, without parameters.  The formulas are in autograd/ops.h.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::nn {

class ReLU : public Module {
 public:
  Var forward(const Var& x) override { return relu(x); }
};

class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(real slope = real(0.01)) : slope_(slope) {}
  Var forward(const Var& x) override { return leaky_relu(x, slope_); }

 private:
  real slope_;
};

class GELU : public Module {
 public:
  explicit GELU(bool tanh_approximation = false) : tanh_approximation_(tanh_approximation) {}
  Var forward(const Var& x) override { return gelu(x, tanh_approximation_); }

 private:
  bool tanh_approximation_;
};

class SiLU : public Module {
 public:
  Var forward(const Var& x) override { return silu(x); }
};

class Sigmoid : public Module {
 public:
  Var forward(const Var& x) override { return sigmoid(x); }
};

class Tanh : public Module {
 public:
  Var forward(const Var& x) override { return medusa::tanh(x); }
};

class Softmax : public Module {
 public:
  explicit Softmax(int axis = -1) : axis_(axis) {}
  Var forward(const Var& x) override { return softmax(x, axis_); }

 private:
  int axis_;
};

}  // namespace medusa::nn

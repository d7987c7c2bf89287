// The scalar functions, each beside its derivative.  Both backends use these very lines.
#pragma once

#include <cmath>

#include "tensor/real.h"

namespace medusa {

// y = f(x, a) and dx = dy * df(x, y, a), where a is the function's one parameter (unused by most).
struct Relu {  // the derivative at 0 is 0, as everywhere in the literature's code; NaN stays NaN
  static MEDUSA_HD real f(real x, real) { return x <= 0 ? real(0) : x; }
  static MEDUSA_HD real df(real x, real, real) { return x <= 0 ? real(0) : real(1); }
};
struct LeakyRelu {  // a: slope for x < 0
  static MEDUSA_HD real f(real x, real a) { return x > 0 ? x : a * x; }
  static MEDUSA_HD real df(real x, real, real a) { return x > 0 ? real(1) : a; }
};
struct Sigmoid {  // 1 / (1 + e^-x), without overflow on either side
  static MEDUSA_HD real f(real x, real) {
    const real e = std::exp(x < 0 ? x : -x);
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
  }
  static MEDUSA_HD real df(real, real y, real) { return y * (1 - y); }
};
struct Tanh {
  static MEDUSA_HD real f(real x, real) { return std::tanh(x); }
  static MEDUSA_HD real df(real, real y, real) { return 1 - y * y; }
};
struct Silu {  // x sigmoid(x)  (Elfwing, Uchibe, Doya 2018)
  static MEDUSA_HD real f(real x, real) { return x * Sigmoid::f(x, 0); }
  static MEDUSA_HD real df(real x, real, real) {
    const real s = Sigmoid::f(x, 0);
    return s * (1 + x * (1 - s));
  }
};
struct Gelu {  // x Phi(x), Phi the normal distribution function  (Hendrycks, Gimpel 2016)
  static MEDUSA_HD real f(real x, real) { return real(0.5) * x * (1 + std::erf(x * real(0.70710678118654752))); }
  static MEDUSA_HD real df(real x, real, real) {
    const real phi = real(0.39894228040143268) * std::exp(real(-0.5) * x * x);
    return real(0.5) * (1 + std::erf(x * real(0.70710678118654752))) + x * phi;
  }
};
struct GeluTanh {  // its approximation: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  static MEDUSA_HD real f(real x, real) {
    return real(0.5) * x * (1 + std::tanh(real(0.79788456080286536) * (x + real(0.044715) * x * x * x)));
  }
  static MEDUSA_HD real df(real x, real, real) {
    const real t = std::tanh(real(0.79788456080286536) * (x + real(0.044715) * x * x * x));
    const real dt = real(0.79788456080286536) * (1 + 3 * real(0.044715) * x * x);
    return real(0.5) * (1 + t) + real(0.5) * x * (1 - t * t) * dt;
  }
};
struct Exp {
  static MEDUSA_HD real f(real x, real) { return std::exp(x); }
  static MEDUSA_HD real df(real, real y, real) { return y; }
};
struct Log {
  static MEDUSA_HD real f(real x, real) { return std::log(x); }
  static MEDUSA_HD real df(real x, real, real) { return 1 / x; }
};
struct Sqrt {
  static MEDUSA_HD real f(real x, real) { return std::sqrt(x); }
  static MEDUSA_HD real df(real, real y, real) { return real(0.5) / y; }
};
struct Square {
  static MEDUSA_HD real f(real x, real) { return x * x; }
  static MEDUSA_HD real df(real x, real, real) { return 2 * x; }
};
struct Abs {  // the derivative at 0 is 0
  static MEDUSA_HD real f(real x, real) { return x < 0 ? -x : x; }
  static MEDUSA_HD real df(real x, real, real) { return real((x > 0) - (x < 0)); }
};
struct AddScalar {  // x + a
  static MEDUSA_HD real f(real x, real a) { return x + a; }
  static MEDUSA_HD real df(real, real, real) { return 1; }
};
struct MulScalar {  // a x
  static MEDUSA_HD real f(real x, real a) { return a * x; }
  static MEDUSA_HD real df(real, real, real a) { return a; }
};

#define MEDUSA_UNARY_OPS(X) \
  X(Relu)                   \
  X(LeakyRelu)              \
  X(Sigmoid) X(Tanh) X(Silu) X(Gelu) X(GeluTanh) X(Exp) X(Log) X(Sqrt) X(Square) X(Abs) X(AddScalar) X(MulScalar)
enum class UnaryOp {
#define X(Name) Name,
  MEDUSA_UNARY_OPS(X)
#undef X
};

// y = f(a, b).  Gradients of these are built from the same four by autograd/elementwise.cpp.
struct Add {
  static MEDUSA_HD real f(real a, real b) { return a + b; }
};
struct Sub {
  static MEDUSA_HD real f(real a, real b) { return a - b; }
};
struct Mul {
  static MEDUSA_HD real f(real a, real b) { return a * b; }
};
struct Div {
  static MEDUSA_HD real f(real a, real b) { return a / b; }
};
#define MEDUSA_BINARY_OPS(X) X(Add) X(Sub) X(Mul) X(Div)
enum class BinaryOp {
#define X(Name) Name,
  MEDUSA_BINARY_OPS(X)
#undef X
};

// Losses of one prediction x against one target t; df is the derivative by x; a is the loss's parameter.
struct BceWithLogits {  // -t log s(x) - (1 - t) log(1 - s(x)) = max(x, 0) - x t + log(1 + e^-|x|)
  static MEDUSA_HD real f(real x, real t, real) {
    return (x > 0 ? x : real(0)) - x * t + std::log1p(std::exp(x < 0 ? x : -x));
  }
  static MEDUSA_HD real df(real x, real t, real) { return Sigmoid::f(x, 0) - t; }
};
struct L1 {
  static MEDUSA_HD real f(real x, real t, real) { return x > t ? x - t : t - x; }
  static MEDUSA_HD real df(real x, real t, real) { return real((x > t) - (x < t)); }
};
struct Mse {
  static MEDUSA_HD real f(real x, real t, real) { return (x - t) * (x - t); }
  static MEDUSA_HD real df(real x, real t, real) { return 2 * (x - t); }
};
struct SmoothL1 {  // a = beta: quadratic for |x - t| < beta  (Girshick, Fast R-CNN, 2015)
  static MEDUSA_HD real f(real x, real t, real a) {
    const real e = x > t ? x - t : t - x;
    return e < a ? real(0.5) * e * e / a : e - real(0.5) * a;
  }
  static MEDUSA_HD real df(real x, real t, real a) {
    const real e = x - t;
    return e > -a && e < a ? e / a : real((e > 0) - (e < 0));
  }
};
struct Focal {  // a = gamma: (1 - p_t)^gamma * BCE, p_t the probability of the true answer  (Lin et al. 2017)
  static MEDUSA_HD real f(real x, real t, real a) {
    const real p = Sigmoid::f(x, 0), wrong = p + t - 2 * p * t;  // 1 - p_t
    return std::pow(wrong, a) * BceWithLogits::f(x, t, 0);
  }
  static MEDUSA_HD real df(real x, real t, real a) {
    const real p = Sigmoid::f(x, 0), wrong = p + t - 2 * p * t;
    const real dwrong = p * (1 - p) * (1 - 2 * t);
    const real power = a == 0 ? real(0) : a * std::pow(wrong, a - 1);
    return power * dwrong * BceWithLogits::f(x, t, 0) + std::pow(wrong, a) * (p - t);
  }
};
#define MEDUSA_POINTWISE_LOSSES(X) X(BceWithLogits) X(L1) X(Mse) X(SmoothL1) X(Focal)
enum class PointwiseLoss {
#define X(Name) Name,
  MEDUSA_POINTWISE_LOSSES(X)
#undef X
};

}  // namespace medusa

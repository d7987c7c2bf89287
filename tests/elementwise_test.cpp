// Elementwise functions, broadcasting, dropout.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "autograd/gradcheck.h"
#include "tensor/isa.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tests/op_case.h"
#include "tests/reference_elementwise.h"

using namespace medusa;
using namespace medusa::test;
using Arrays = std::vector<reference::Array>;
using Vars = std::vector<Var>;

namespace {

void check_unary(const char* name, const Input& input, const std::function<Var(const Var&)>& op, double (*f)(double)) {
  check_op(
      name, {input}, [&](const Vars& x) { return op(x[0]); }, [&](const Arrays& x) { return reference::map(x[0], f); });
}

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("elementwise: functions of one value") {
  const Input x = normal({3, 7, 5});
  check_unary(
      "relu", x, [](const Var& v) { return relu(v); }, [](double v) { return std::fmax(v, 0.0); });
  check_unary(
      "leaky_relu", x, [](const Var& v) { return leaky_relu(v, 0.125f); },
      [](double v) { return v > 0 ? v : 0.125 * v; });
  check_unary(
      "leaky_relu negative", x, [](const Var& v) { return leaky_relu(v, -0.5f); },
      [](double v) { return v > 0 ? v : -0.5 * v; });
  check_unary(
      "sigmoid", x, [](const Var& v) { return sigmoid(v); }, sigmoid_of);
  check_unary(
      "tanh", x, [](const Var& v) { return tanh(v); }, [](double v) { return std::tanh(v); });
  check_unary(
      "silu", x, [](const Var& v) { return silu(v); }, [](double v) { return v * sigmoid_of(v); });
  check_unary(
      "gelu", x, [](const Var& v) { return gelu(v); },
      [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); });
  check_unary(
      "gelu_tanh", x, [](const Var& v) { return gelu(v, true); },
      [](double v) {
        return 0.5 * v * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (v + 0.044715 * v * v * v)));
      });
  check_unary(
      "exp", x, [](const Var& v) { return exp(v); }, [](double v) { return std::exp(v); });
  check_unary(
      "log", positive({3, 7, 5}), [](const Var& v) { return log(v); }, [](double v) { return std::log(v); });
  check_unary(
      "sqrt", positive({3, 7, 5}), [](const Var& v) { return sqrt(v); }, [](double v) { return std::sqrt(v); });
  check_unary(
      "square", x, [](const Var& v) { return square(v); }, [](double v) { return v * v; });
  check_unary(
      "abs", x, [](const Var& v) { return abs(v); }, [](double v) { return std::fabs(v); });
  check_unary(
      "add_scalar", x, [](const Var& v) { return v + 0.75f; }, [](double v) { return v + 0.75; });
  check_unary(
      "sub_scalar", x, [](const Var& v) { return v - 0.75f; }, [](double v) { return v - 0.75; });
  check_unary(
      "mul_scalar", x, [](const Var& v) { return 1.5f * v; }, [](double v) { return 1.5 * v; });
  check_unary(
      "div_scalar", x, [](const Var& v) { return v / 4; }, [](double v) { return v / 4; });
  check_unary(
      "negate", normal({1}), [](const Var& v) { return -v; }, [](double v) { return -v; });
}

TEST_CASE("elementwise: each function of the list has the derivative of its value") {
#define X(Name)                                                                                \
  check_gradients(#Name, [](const Vars& v) { return unary(UnaryOp::Name, v[0], real(0.75)); }, \
                  {Tensor::from({real(0.3), real(1.7), real(0.8)}, {3})});
  MEDUSA_UNARY_OPS(X)
#undef X
}

TEST_CASE("elementwise: the ends of the scale do not overflow") {
  const real big = sizeof(real) == 4 ? real(1e30) : real(1e300);
  const Tensor x = Tensor::from({-big, -200, 0, 200, big}, {5});
  const Tensor s = sigmoid(Var(x)).value(), t = tanh(Var(x)).value(), g = gelu(Var(x)).value(),
               u = silu(Var(x)).value();
  for (int i = 0; i < 5; ++i) {
    CHECK(std::isfinite(s.at(i)));
    CHECK(std::isfinite(t.at(i)));
    CHECK(std::isfinite(g.at(i)));
    CHECK(std::isfinite(u.at(i)));
  }
  CHECK(s.at(0) == 0);
  CHECK(s.at(2) == real(0.5));
  CHECK(s.at(4) == 1);
  Var v(x, true);
  sigmoid(v).backward(Tensor::ones({5}));
  for (int i = 0; i < 5; ++i) CHECK(std::isfinite(v.grad().at(i)));
}

TEST_CASE("elementwise: not-a-number passes through") {
  const Tensor x = Tensor::from({std::numeric_limits<real>::quiet_NaN()}, {1});
  CHECK(std::isnan(sigmoid(Var(x)).item()));
  CHECK(std::isnan((Var(x) + 1).item()));
  CHECK(std::isnan(abs(Var(x)).item()));
}

TEST_CASE("elementwise: relu hides nothing that is not a number, forward or backward, on every instruction set") {
  const Isa before = isa();
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    for (std::int64_t bad : {0, 7, 16, 36}) {  // within vectors and behind the last
      Tensor x = Tensor::full({37}, -1);
      x.mutable_data()[bad] = std::numeric_limits<real>::quiet_NaN();
      const Var v(x, true), y = relu(v);
      y.backward(Tensor::full({37}, 3));
      for (std::int64_t i = 0; i < 37; ++i) {
        CHECK(std::isnan(y.value().at(i)) == (i == bad));
        CHECK(v.grad().at(i) == (i == bad ? 3 : 0));  // as PyTorch: the gradient is stopped where x <= 0
      }
    }
  }
  set_isa(before);
}

TEST_CASE(
    "elementwise: sigmoid by vectors: as exact behind the last vector, signs of infinity, not-a-number stays alone") {
  const Isa before = isa();
  const real inf = std::numeric_limits<real>::infinity();
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    Tensor x = Tensor::full({37}, 0);
    for (std::int64_t i = 0; i < 37; ++i) x.mutable_data()[i] = static_cast<real>(0.83 * static_cast<double>(i - 18));
    for (std::int64_t at : {0, 20, 36}) {
      x.mutable_data()[at] = std::numeric_limits<real>::quiet_NaN();
      x.mutable_data()[at == 0 ? 1 : at - 1] = at == 20 ? inf : -inf;
    }
    const Tensor y = sigmoid(Var(x)).value();
    for (std::int64_t i = 0; i < 37; ++i) {
      const double exact = 1 / (1 + std::exp(-static_cast<double>(x.at(i))));
      CHECK(std::isnan(y.at(i)) == std::isnan(x.at(i)));
      if (!std::isnan(x.at(i)))
        CHECK(std::fabs(static_cast<double>(y.at(i)) - exact) <=
              4 * exact * static_cast<double>(std::numeric_limits<real>::epsilon()));
    }
  }
  set_isa(before);
}

TEST_CASE("elementwise: two operands, every way to repeat them") {
  struct Pair {
    Shape a, b;
  };
  const std::vector<Pair> pairs = {
      {{2, 3, 5}, {2, 3, 5}},
      {{1}, {1}},
      {{4, 9}, {1, 9}},
      {{1, 9}, {4, 9}},
      {{4, 9}, {4, 1}},
      {{4, 9}, {1, 1}},
      {{4, 1}, {1, 9}},
      {{2, 3, 4, 5}, {2, 1, 1, 5}},
      {{2, 3, 4, 5}, {1, 3, 1, 5}},
      {{2, 1, 4, 1}, {1, 3, 1, 5}},
      {{2, 3, 2, 1, 2, 3}, {2, 1, 2, 3, 1, 3}},
      {{3, 1, 1, 2, 1, 2}, {1, 2, 2, 1, 3, 1}},
  };
  for (const Pair& pair : pairs) {
    const std::string name = to_string(pair.a) + to_string(pair.b);
    check_op(
        "add" + name, {normal(pair.a), normal(pair.b)}, [](const Vars& x) { return x[0] + x[1]; },
        [](const Arrays& x) { return reference::combine(x[0], x[1], [](double a, double b) { return a + b; }); });
    check_op(
        "sub" + name, {normal(pair.a), normal(pair.b)}, [](const Vars& x) { return x[0] - x[1]; },
        [](const Arrays& x) { return reference::combine(x[0], x[1], [](double a, double b) { return a - b; }); });
    check_op(
        "mul" + name, {normal(pair.a), normal(pair.b)}, [](const Vars& x) { return x[0] * x[1]; },
        [](const Arrays& x) { return reference::combine(x[0], x[1], [](double a, double b) { return a * b; }); });
    check_op(
        "div" + name, {normal(pair.a), positive(pair.b)}, [](const Vars& x) { return x[0] / x[1]; },
        [](const Arrays& x) { return reference::combine(x[0], x[1], [](double a, double b) { return a / b; }); });
  }
}

TEST_CASE("elementwise: constants get no gradient and cost none") {
  for (const Input& a : {constant({3, 5}), normal({3, 5})}) {
    const Input b = a.requires_grad ? positive_constant({1, 5}) : positive({1, 5});
    check_op(
        "mul with a constant", {a, b}, [](const Vars& x) { return x[0] * x[1]; },
        [](const Arrays& x) { return reference::combine(x[0], x[1], [](double p, double q) { return p * q; }); });
    check_op(
        "div with a constant", {a, b}, [](const Vars& x) { return x[0] / x[1]; },
        [](const Arrays& x) { return reference::combine(x[0], x[1], [](double p, double q) { return p / q; }); });
  }
}

TEST_CASE("elementwise: sizes that are cut into several pieces, on every instruction set") {
  const Isa before = isa();
  const std::int64_t rows = 5001, channels = 13;  // four pieces of 16384, none of which ends with a row
  const Tensor a = draw(normal({rows, channels}), 1), b = draw(normal({1, channels}), 2),
               c = draw(normal({rows, 1}), 3);
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    const Tensor ab = add(Var(a), Var(b)).value(), ac = mul(Var(a), Var(c)).value(), r = relu(Var(a)).value();
    Tensor in_place = a.clone();
    kernels::unary(Device::CPU, UnaryOp::MulScalar, 3, in_place.data(), in_place.mutable_data(), in_place.numel());
    Tensor y = a.clone();
    kernels::add_scaled(Device::CPU, real(0.5), r.data(), y.mutable_data(), y.numel());
    bool right = true;
    for (std::int64_t i = 0; i < a.numel(); ++i) {
      const real v = a.data()[i];
      right = right && ab.data()[i] == v + b.data()[i % channels] && ac.data()[i] == v * c.data()[i / channels] &&
              r.data()[i] == (v > 0 ? v : 0) && in_place.data()[i] == 3 * v &&
              std::fabs(y.data()[i] - (v + real(0.5) * r.data()[i])) <= std::fabs(v) * real(1e-6);
    }
    CHECK(right);
  }
  set_isa(before);
}

TEST_CASE("elementwise: empty operands") {
  CHECK(relu(Var(Tensor::empty({0, 3}))).shape() == Shape{0, 3});
  CHECK((Var(Tensor::empty({0, 3})) + Var(Tensor::ones({1, 3}))).shape() == Shape{0, 3});
  Var b(Tensor::ones({1, 3}), true);
  (Var(Tensor::empty({0, 3})) + b).backward(Tensor::empty({0, 3}));
  CHECK(b.grad().to_vector() == std::vector<real>{0, 0, 0});
}

TEST_CASE("elementwise: operands that do not fit are refused") {
  const Var a(Tensor::ones({2, 3})), b(Tensor::ones({2, 4})), c(Tensor::ones({3}));
  CHECK_THROWS_WITH_AS(add(a, b), "add: sizes must be equal or 1 on every axis, shapes are [2, 3] and [2, 4]", Error);
  CHECK_THROWS_WITH_AS(div(a, c), "div: operands must have equal rank, shapes are [2, 3] and [3]", Error);
}

TEST_CASE("dropout: mask, scale, gradient, seed") {
  const std::int64_t n = 100003;
  Var x(Tensor::ones({n}), true);
  seed_ops(3);
  const Var y = dropout(x, 0.25f);
  std::int64_t kept = 0;
  bool right = true;
  for (std::int64_t i = 0; i < n; ++i) {
    const real v = y.value().data()[i];
    kept += v != 0;
    right = right && (v == 0 || v == 1 / (1 - real(0.25)));
  }
  CHECK(right);
  CHECK(std::fabs(static_cast<double>(kept) / n - 0.75) < 0.006);  // four standard deviations
  y.backward(Tensor::ones({n}));
  CHECK(x.grad().to_vector() == y.value().to_vector());  // the same mask
  const std::vector<real> first = y.value().to_vector();
  CHECK(dropout(x, 0.25f).value().to_vector() != first);  // the next call draws another
  const int before = threads();
  for (int count : {1, 3}) {
    set_threads(count);
    seed_ops(3);
    CHECK(dropout(x, 0.25f).value().to_vector() == first);
  }
  set_threads(before);
  CHECK(dropout(x, 0).value().to_vector() == x.value().to_vector());
  CHECK_THROWS_WITH_AS(dropout(x, 1), "dropout: p is 1, must be at least 0 and less than 1", Error);
  CHECK_THROWS_AS(dropout(x, -0.5f), Error);
}

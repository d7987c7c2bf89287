// What closures keep: recipes instead of values, to the same bits and with less memory; and add_relu, made for them.
#include "autograd/saved_tensor.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/memory.h"
#include "tests/op_case.h"
#include "tests/reference_elementwise.h"

namespace medusa::test {

namespace {

using reference::Array;

// For as long as it lives.
class Setting {
 public:
  explicit Setting(Recompute when) : before_(recompute_mode()) { set_recompute(when); }
  ~Setting() { set_recompute(before_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  Recompute before_;
};

Tensor zeros(std::int64_t n) { return Tensor::zeros({n}); }
Var parameter(const Shape& shape, std::uint64_t stream) { return Var(draw(normal(shape), stream), true); }

struct Run {
  std::vector<std::vector<real>> numbers;  // the loss, then gradients
  std::int64_t held;                       // bytes between forward and backward pass
};

// What the networks here are made of: conv, norm, residual sum, mask, product, concatenation, conv.
Run run(Recompute when) {
  const Setting setting(when);
  const std::int64_t c = 16;
  const Var x = parameter({2, 16, 16, c}, 1), w1 = parameter({3, 3, c, c}, 2), w2 = parameter({3, 3, 2 * c, c}, 3);
  const Var gamma = parameter({c}, 4), beta = parameter({c}, 5);
  Tensor mean = zeros(c), var = Tensor::ones({c});
  const auto normed = [&](const Var& v, bool relu) {
    return batch_norm(conv(v, w1, {}, ConvOptions::same(3)), gamma, beta, mean, var, true, real(0.1), real(1e-5), relu);
  };
  normed(x, false);  // training begins: what earlier predictions kept of their weights is given back
  mean = zeros(c), var = Tensor::ones({c});
  const std::int64_t before = memory_stats().in_use;
  Var loss;
  {
    const Var p = add_relu(normed(normed(x, true), false), x);
    const Var f = sigmoid(normed(p, false)) * p;
    loss = sum(square(conv(concat({normed(f, true), f}), w2, {}, ConvOptions::same(3))));
  }
  const std::int64_t held = memory_stats().in_use - before;
  loss.backward();
  Run result{{loss.value().to_vector()}, held};
  for (const Var& v : {x, w1, w2, gamma, beta}) result.numbers.push_back(v.grad().to_vector());
  result.numbers.push_back(mean.to_vector());
  return result;
}

}  // namespace

TEST_CASE("kept: add_relu") {
  const auto check = [](const Shape& a, const Shape& b) {
    check_op(
        "add_relu" + to_string(a) + to_string(b), {distinct(a), distinct(b)},
        [](const std::vector<Var>& in) { return add_relu(in[0], in[1]); },
        [](const std::vector<Array>& in) {
          return reference::combine(in[0], in[1], [](double p, double q) { return std::fmax(p + q, 0.0); });
        });
  };
  check({3, 5, 7}, {3, 5, 7});
  check({2, 4, 4, 33}, {2, 4, 4, 33});
  check({4, 9}, {1, 9});
  CHECK_THROWS_WITH_AS(add_relu(Var(zeros(2)), Var(zeros(3))),
                       "add: sizes must be equal or 1 on every axis, shapes are [2] and [3]", Error);
}

TEST_CASE("kept: recomputing changes no bit and saves memory") {
  const Run stored = run(Recompute::Never), again = run(Recompute::OnCpu);
  CHECK(stored.numbers == again.numbers);
  CHECK(again.held < stored.held * 2 / 3);
}

TEST_CASE("kept: what is a recipe and what is not") {
  const Setting setting(Recompute::OnCpu);
  const Var x = parameter({8, 4}, 1), gamma = parameter({4}, 2), beta = parameter({4}, 3);
  const auto norm = [&](const Var& v) { return layer_norm(v, gamma, beta); };
  CHECK(x.saved().ops() == 0);
  CHECK(relu(x).saved().ops() == 0);  // x would have to be kept in its stead
  CHECK(norm(x).saved().ops() == 1);  // x is kept for the gradient anyway
  CHECK(relu(norm(x)).saved().ops() == 2);
  CHECK((norm(x) + norm(x)).saved().ops() == 3);
  CHECK(sigmoid(norm(x) + norm(x)).saved().ops() == 4);
  CHECK(norm(sigmoid(norm(x) + norm(x))).saved().ops() == 0);  // 5 kernels are too many: the value is kept
  CHECK(concat({x, x}).saved().ops() == 0);
  CHECK(concat({x, norm(x)}).saved().ops() == 2);
  CHECK(norm(x).saved().get().to_vector() == norm(x).value().to_vector());
  {
    const NoGrad no_grad;
    CHECK(norm(x).saved().ops() == 0);
  }
  const Setting never(Recompute::Never);
  CHECK(norm(x).saved().ops() == 0);
}

TEST_CASE("kept: a value that was written to is kept as it is") {
  const Setting setting(Recompute::OnCpu);
  const Var x = parameter({8, 4}, 1), gamma = parameter({4}, 2), beta = parameter({4}, 3);
  Var y = layer_norm(x, gamma, beta);
  y.value().fill(7);
  CHECK(y.saved().ops() == 0);
  CHECK(y.saved().get().at(5) == 7);
}

}  // namespace medusa::test

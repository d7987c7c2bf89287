#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/parallel.h"
#include "tests/op_case.h"
#include "tests/reference_loss.h"

namespace medusa::test {

namespace {

using reference::Array;

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double bce_of(double x, double t) { return std::fmax(x, 0) - x * t + std::log1p(std::exp(-std::fabs(x))); }
double focal_of(double x, double t, double gamma) {
  const double p = sigmoid_of(x), pt = p * t + (1 - p) * (1 - t);
  return std::pow(1 - pt, gamma) * bce_of(x, t);
}

enum class Masked { None, Place, Element };

struct PointwiseCase {
  const char* name;
  std::function<Var(const Var&, const Tensor&, const Tensor&)> op;
  std::function<double(double, double)> f;
  Input::Kind target;
};

const std::vector<PointwiseCase>& pointwise_cases() {
  static const std::vector<PointwiseCase> cases = {
      {"bce_with_logits", [](auto& x, auto& t, auto& m) { return bce_with_logits(x, t, m); }, bce_of,
       Input::Kind::Uniform},
      {"l1", [](auto& x, auto& t, auto& m) { return l1_loss(x, t, m); },
       [](double x, double t) { return std::fabs(x - t); }, Input::Kind::Normal},
      {"mse", [](auto& x, auto& t, auto& m) { return mse_loss(x, t, m); },
       [](double x, double t) { return (x - t) * (x - t); }, Input::Kind::Normal},
      {"smooth_l1", [](auto& x, auto& t, auto& m) { return smooth_l1_loss(x, t, real(0.5), m); },
       [](double x, double t) {
         const double e = std::fabs(x - t);
         return e < 0.5 ? e * e : e - 0.25;
       },
       Input::Kind::Normal},
      {"focal 2", [](auto& x, auto& t, auto& m) { return focal_loss(x, t, 2, m); },
       [](double x, double t) { return focal_of(x, t, 2); }, Input::Kind::Binary},
      {"focal 1.5", [](auto& x, auto& t, auto& m) { return focal_loss(x, t, real(1.5), m); },
       [](double x, double t) { return focal_of(x, t, 1.5); }, Input::Kind::Binary},
  };
  return cases;
}

void pointwise_case(const PointwiseCase& c, const Shape& shape, Masked masked) {
  Shape mask = shape;
  if (masked == Masked::Place) mask[-1] = 1;
  std::vector<Input> inputs = {normal(shape), {shape, c.target, false, 2}};
  if (masked != Masked::None) inputs.push_back(binary(mask));
  check_op(
      std::string(c.name) + " " + to_string(shape) + " mask " + std::to_string(static_cast<int>(masked)), inputs,
      [&](const std::vector<Var>& in) {
        return c.op(in[0], in[1].value(), masked != Masked::None ? in[2].value() : Tensor());
      },
      [&](const std::vector<Array>& in) {
        return reference::pointwise_loss(in[0], in[1], masked != Masked::None ? &in[2] : nullptr, c.f);
      });
}

void cross_entropy_case(const Shape& shape, bool weighted, bool masked, int ignore, double smoothing) {
  Shape rows(shape.begin(), shape.end() - 1);
  check_op(
      fmt::format("cross_entropy {} weighted {} masked {} ignore {} smoothing {}", shape, weighted, masked, ignore,
                  smoothing),
      {normal(shape), labels(rows, shape[-1]), positive_constant({shape[-1]}), binary(rows)},
      [=](const std::vector<Var>& in) {
        CrossEntropyOptions options;
        if (weighted) options.weight = in[2].value();
        if (masked) options.mask = in[3].value();
        options.ignore = ignore;
        options.smoothing = static_cast<real>(smoothing);
        return cross_entropy(in[0], in[1].value(), options);
      },
      [=](const std::vector<Array>& in) {
        return reference::cross_entropy(in[0], in[1], weighted ? &in[2] : nullptr, masked ? &in[3] : nullptr, ignore,
                                        static_cast<double>(static_cast<real>(smoothing)));
      });
}

void dice_case(const Shape& shape, bool masked) {
  Shape mask = shape;
  mask[-1] = 1;
  check_op(
      "dice " + to_string(shape) + (masked ? " masked" : ""), {positive(shape), binary(shape), binary(mask)},
      [=](const std::vector<Var>& in) {
        return dice_loss(in[0], in[1].value(), real(0.1), masked ? in[2].value() : Tensor());
      },
      [=](const std::vector<Array>& in) {
        return reference::dice(in[0], in[1], masked ? &in[2] : nullptr, static_cast<double>(real(0.1)));
      });
}

}  // namespace

TEST_CASE("pointwise losses") {
  for (const PointwiseCase& c : pointwise_cases())
    for (Masked masked : {Masked::None, Masked::Place, Masked::Element}) {
      pointwise_case(c, {2, 3, 5, 1}, masked);
      pointwise_case(c, {2, 3, 3, 7}, masked);
    }
  pointwise_case(pointwise_cases()[0], {1, 1}, Masked::None);
}

TEST_CASE("cross-entropy") {
  for (double smoothing : {0.0, 0.1})
    for (bool weighted : {false, true})
      for (bool masked : {false, true}) {
        cross_entropy_case({7, 5}, weighted, masked, -100, smoothing);
        cross_entropy_case({2, 3, 4, 3}, weighted, masked, 1, smoothing);
      }
  cross_entropy_case({1, 2}, false, false, -100, 0);
  cross_entropy_case({2, 2, 3, 2, 4}, true, false, 0, 0.2);
}

TEST_CASE("dice") {
  dice_case({2, 5, 7, 1}, false);
  dice_case({2, 5, 7, 1}, true);
  dice_case({3, 4, 3, 3}, false);
  dice_case({2, 2, 3, 4, 5}, true);
  dice_case({1, 1, 1, 1}, false);
}

TEST_CASE("losses agree with PyTorch") {
  // Computed by torch 1.13 in double on x = ((7 i) mod 11 - 5) / 3, i = 0..11, as [4, 3].
  std::vector<real> values, targets;
  for (int i = 0; i < 12; ++i) {
    values.push_back(static_cast<real>((7 * i % 11 - 5) / 3.0));
    targets.push_back(static_cast<real>(i % 3 == 0));
  }
  const Var x(Tensor::from(values, {4, 3}));
  const Tensor label = Tensor::from({2, 0, 1, 1}, {4}), t = Tensor::from(targets, {4, 3});
  CrossEntropyOptions options;
  options.weight = Tensor::from({real(0.5), 1, 2}, {3});
  options.ignore = 0;
  options.smoothing = real(0.2);
  CHECK(cross_entropy(x, label).item() == doctest::Approx(1.29259514049).epsilon(1e-6));
  CHECK(cross_entropy(x, label, options).item() == doctest::Approx(1.64243780919).epsilon(1e-6));
  CHECK(bce_with_logits(x, t).item() == doctest::Approx(0.57355313018).epsilon(1e-6));
  CHECK(smooth_l1_loss(x, t, real(0.7)).item() == doctest::Approx(0.538095238095).epsilon(1e-6));
}

TEST_CASE("losses: an empty mask or only ignored labels give 0 and no gradient") {
  const Var x(draw(normal({2, 3, 4}), 1), true);
  const Tensor t = Tensor::zeros({2, 3, 4}), empty = Tensor::zeros({2, 3, 1});
  Var loss = l1_loss(x, t, empty);
  CHECK(loss.item() == 0);
  loss.backward();
  CHECK(x.grad().at(5) == 0);
  loss = cross_entropy(x, Tensor::full({2, 3}, -100));
  CHECK(loss.item() == 0);
  loss.backward();
  CHECK(x.grad().at(5) == 0);
}

TEST_CASE("losses: where the mask is 0 anything may stand") {
  const real nan = std::numeric_limits<real>::quiet_NaN(), inf = std::numeric_limits<real>::infinity();
  const Var x(Tensor::from({1, nan, 3, inf}, {1, 4, 1}), true);
  const Tensor t = Tensor::from({0, 0, nan, 0}, {1, 4, 1}), mask = Tensor::from({1, 0, 0, 0}, {1, 4, 1});
  for (const PointwiseCase& c : pointwise_cases()) {
    Var input(x.value(), true);
    const Var loss = c.op(input, t, mask);
    CHECK_MESSAGE(std::isfinite(loss.item()), c.name);
    loss.backward();
    for (int i = 0; i < 4; ++i) CHECK_MESSAGE(std::isfinite(input.grad().at(i)), c.name);
  }
  for (std::int64_t channels : {1, 2}) {
    std::vector<real> p, g;
    for (int i = 0; i < 12; ++i)
      for (std::int64_t c = 0; c < channels; ++c) p.push_back(i == 3 || i == 11 ? nan : real(0.5)), g.push_back(1);
    std::vector<real> m(12, 1);
    m[3] = m[11] = 0;
    const Var input(Tensor::from(p, {1, 12, channels}), true);
    const Var loss = dice_loss(input, Tensor::from(g, {1, 12, channels}), 0, Tensor::from(m, {1, 12, 1}));
    CHECK(loss.item() == doctest::Approx(1 - 2 * 5.0 / 15));
    loss.backward();
    CHECK(input.grad().at(3 * channels) == 0);
  }
}

TEST_CASE("losses: large logits do not overflow") {
  const Var x(Tensor::from({1000, -1000, 0, -1000, 1000, 0}, {2, 3}), true);
  Var loss = cross_entropy(x, Tensor::from({0, 0}, {2}));
  CHECK(loss.item() == doctest::Approx(1000));
  loss.backward();
  CHECK(x.grad().at(0) == 0);
  CHECK(x.grad().at(3) == doctest::Approx(-0.5));
  CHECK(x.grad().at(4) == doctest::Approx(0.5));
  const Tensor t = Tensor::from({1, 1, 1, 0, 0, 0}, {2, 3});
  CHECK(bce_with_logits(x, t).item() == doctest::Approx((2000 + 2 * std::log(2.0)) / 6));
  Var y(x.value(), true);
  loss = focal_loss(y, t, 2);
  loss.backward();
  for (int i = 0; i < 6; ++i) CHECK(std::isfinite(y.grad().at(i)));
}

TEST_CASE("losses over many pieces: exact sums, the same bits for any number of threads") {
  const std::int64_t n = 3, side = 150;
  const Tensor t = draw(binary({n, side, side, 1}), 2), m = draw(binary({n, side, side, 1}), 3);
  const Tensor p = draw({{n, side, side, 1}, Input::Kind::Uniform, false, 2}, 1);
  const Array pa(p), ta(t), ma(m);
  const int before = threads();
  std::vector<real> dice, bce;
  for (int count : {1, 2, 3}) {
    set_threads(count);
    dice.push_back(dice_loss(Var(p), t, 1, m).item());
    bce.push_back(bce_with_logits(Var(p), t, m).item());
  }
  set_threads(before);
  for (int k : {1, 2}) {
    CHECK(dice[0] == dice[static_cast<std::size_t>(k)]);
    CHECK(bce[0] == bce[static_cast<std::size_t>(k)]);
  }
  CHECK(dice[0] == doctest::Approx(reference::dice(pa, ta, &ma, 1)[0]).epsilon(1e-6));
  CHECK(bce[0] == doctest::Approx(reference::pointwise_loss(pa, ta, &ma, bce_of)[0]).epsilon(1e-6));
}

TEST_CASE("one_hot") {
  const Tensor y = one_hot(Tensor::from({2, 0}, {2, 1}), 3);
  CHECK(y.shape() == Shape{2, 3});
  CHECK(y.to_vector() == std::vector<real>{0, 0, 1, 1, 0, 0});
  CHECK(one_hot(Tensor::from({1, 0, 1}, {3}), 2).shape() == Shape{3, 2});
  CHECK_THROWS_WITH_AS(one_hot(Tensor::from({3}, {1}), 3),
                       "one_hot: label 3 at place 0 is not one of the 3 classes 0..2", Error);
}

TEST_CASE("losses: errors say what was expected") {
  const Var x(Tensor::ones({2, 3, 4}));
  const Tensor t = Tensor::ones({2, 3, 4}), label = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(mse_loss(x, label), "mse_loss: target has shape [2, 3], input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(mse_loss(x, t, label), "mse_loss: mask has shape [2, 3], expected [2, 3, 1] or [2, 3, 4]",
                       Error);
  CHECK_THROWS_WITH_AS(smooth_l1_loss(x, t, -1), "smooth_l1_loss: beta is -1, expected 0 or more", Error);
  CHECK_THROWS_WITH_AS(focal_loss(x, t, real(0.5)),
                       "focal_loss: gamma is 0.5, expected 0 or at least 1 (below 1 the gradient is unbounded)", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, t), "cross_entropy: label has shape [2, 3, 4], input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, Tensor::full({2, 3}, 4)),
                       "cross_entropy: label 4 at place 0 is not one of the 4 classes 0..3", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, Tensor::full({2, 3, 1}, real(1.5))),
                       "cross_entropy: label 1.5 at place 0 is not one of the 4 classes 0..3", Error);
  CHECK_THROWS_WITH_AS(cross_entropy(x, Tensor::full({2, 3}, -1)),
                       "cross_entropy: label -1 at place 0 is not one of the 4 classes 0..3", Error);
  CrossEntropyOptions options;
  options.weight = Tensor::ones({3});
  CHECK_THROWS_WITH_AS(cross_entropy(x, label, options), "cross_entropy: weight has shape [3], expected [4]", Error);
  options = {};
  options.mask = Tensor::ones({2});
  CHECK_THROWS_WITH_AS(cross_entropy(x, label, options),
                       "cross_entropy: mask has shape [2], expected one value for each of 6 rows", Error);
  options = {};
  options.smoothing = 2;
  CHECK_THROWS_WITH_AS(cross_entropy(x, label, options), "cross_entropy: smoothing is 2, expected 0..1", Error);
  CHECK_THROWS_WITH_AS(dice_loss(x, label), "dice_loss: target has shape [2, 3], input [2, 3, 4]", Error);
  CHECK_THROWS_WITH_AS(dice_loss(x, t, 1, t), "dice_loss: mask has shape [2, 3, 4], expected [2, 3, 1]", Error);
}

}  // namespace medusa::test

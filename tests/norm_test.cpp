#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/isa.h"
#include "tensor/kernels.h"
#include "tensor/random.h"
#include "tests/op_case.h"
#include "tests/reference_norm.h"

namespace medusa::test {

namespace {

using reference::Array;

const real kEps = real(1e-3);

void batch_case(const std::string& name, const Shape& shape, bool relu, bool training) {
  const std::int64_t channels = shape[-1];
  const NormGeometry g{1, shape.numel() / channels, channels, 1};
  const Tensor mean = draw(normal({channels}), 91), var = draw(positive({channels}), 92);
  const Array mean_array(mean), var_array(var);
  check_op(
      name, {normal(shape), positive({channels}), normal({channels})},
      [=](const std::vector<Var>& in) {
        Tensor m = mean.to(in[0].device()).clone(), v = var.to(in[0].device()).clone();
        return batch_norm(in[0], in[1], in[2], m, v, training, real(0.1), kEps, relu);
      },
      [=](const std::vector<Array>& in) {
        return reference::norm(in[0], in[1], in[2], g, static_cast<double>(kEps), relu,
                               training ? nullptr : &mean_array, training ? nullptr : &var_array);
      });
}

void group_case(const std::string& name, const Shape& shape, std::int64_t groups, bool relu = false) {
  const std::int64_t channels = shape[-1];
  const NormGeometry g{shape[0], shape.numel() / shape[0] / channels, groups, channels / groups};
  check_op(
      name, {normal(shape), positive({channels}), normal({channels})},
      [=](const std::vector<Var>& in) {
        return groups == channels ? instance_norm(in[0], in[1], in[2], kEps, relu)
                                  : group_norm(in[0], in[1], in[2], groups, kEps, relu);
      },
      [=](const std::vector<Array>& in) {
        return reference::norm(in[0], in[1], in[2], g, static_cast<double>(kEps), relu);
      });
}

void layer_case(const std::string& name, const Shape& shape) {
  const std::int64_t channels = shape[-1];
  check_op(
      name, {normal(shape), positive({channels}), normal({channels})},
      [=](const std::vector<Var>& in) { return layer_norm(in[0], in[1], in[2], kEps); },
      [=](const std::vector<Array>& in) {
        return reference::norm(in[0], in[1], in[2], {shape.numel() / channels, 1, 1, channels},
                               static_cast<double>(kEps));
      });
}

Tensor ones(std::int64_t n) { return Tensor::ones({n}); }

}  // namespace

TEST_CASE("batch norm") {
  for (bool relu : {false, true})
    for (bool training : {true, false}) {
      const std::string kind = std::string(relu ? " relu" : "") + (training ? " train" : " eval");
      batch_case("batch_norm c1" + kind, {2, 5, 9, 1}, relu, training);
      batch_case("batch_norm c3" + kind, {3, 5, 3, 3}, relu, training);
      batch_case("batch_norm c7" + kind, {2, 3, 5, 7}, relu, training);
      batch_case("batch_norm c16" + kind, {2, 3, 4, 16}, relu, training);
      batch_case("batch_norm c33" + kind, {9, 33}, relu, training);
      batch_case("batch_norm 3d c5" + kind, {2, 2, 3, 4, 5}, relu, training);
      batch_case("batch_norm two rows" + kind, {2, 4}, relu, training);
    }
  batch_case("batch_norm one value, eval", {1, 6}, true, false);
}

TEST_CASE("group, instance and layer norm") {
  group_case("instance_norm c1", {3, 5, 5, 1}, 1);
  group_case("instance_norm c6", {2, 7, 3, 6}, 6);
  group_case("instance_norm c16 3d", {2, 2, 2, 3, 16}, 16);
  group_case("group_norm 6/2", {2, 7, 3, 6}, 2);
  group_case("group_norm 16/4", {3, 3, 3, 16}, 4);
  group_case("group_norm 5/1", {2, 4, 3, 5}, 1);
  group_case("group_norm [N, C]", {3, 12}, 3);
  group_case("instance_norm relu c6", {2, 7, 3, 6}, 6, true);
  group_case("instance_norm relu c16 3d", {2, 2, 2, 3, 16}, 16, true);
  group_case("group_norm relu 12/4", {2, 7, 3, 12}, 4, true);
  group_case("group_norm relu [N, C]", {3, 12}, 3, true);
  layer_case("layer_norm 1 place", {1, 9});
  layer_case("layer_norm 7", {2, 5, 7});
  layer_case("layer_norm 32", {3, 32});
  layer_case("layer_norm 37", {2, 2, 37});
}

TEST_CASE("norm statistics: exact moments in double, many pieces, every instruction set, any channels") {
  Random random(3, 1);
  const Isa before = isa();
  for (std::int64_t channels : {1, 3, 16, 40}) {
    const std::int64_t rows = 100003 / channels;
    Tensor x = Tensor::empty({rows, channels});
    real* p = x.mutable_data();
    for (std::int64_t i = 0; i < x.numel(); ++i) p[i] = static_cast<real>(1000 + 0.5 * random.normal());
    const NormGeometry g{1, rows, channels, 1};
    const Array array(x);
    for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
      if (!set_isa(set)) continue;
      Tensor mean = Tensor::empty({channels}), var = Tensor::empty({channels});
      kernels::norm_stats(Device::CPU, x.data(), mean.mutable_data(), var.mutable_data(), g);
      for (std::int64_t c = 0; c < channels; ++c) {
        double m, v;
        reference::moments(array, g, 0, c, &m, &v);
        CHECK(std::fabs(mean.at(c) - m) <= 1e-7 * m);
        CHECK(std::fabs(var.at(c) - v) <= 1e-5 * v);  // a mean 2000 times the deviation costs nothing
      }
    }
  }
  set_isa(before);
}

TEST_CASE("norm over many pieces: backward agrees with the formula") {
  // Big enough to be cut; dx, dgamma and dbeta from their definitions in double.
  const std::int64_t rows = 5001, channels = 24;
  const Tensor x = draw(normal({rows, channels}), 5), dy = draw(normal({rows, channels}), 6);
  const Tensor gamma = draw(positive({channels}), 7), beta = draw(normal({channels}), 8);
  Tensor m = Tensor::zeros({channels}), v = ones(channels);
  Var xv(x, true), gv(gamma, true), bv(beta, true);
  batch_norm(xv, gv, bv, m, v, true, real(0.1), kEps, true).backward(dy);
  const NormGeometry g{1, rows, channels, 1};
  const Array array(x);
  double worst = 0;
  for (std::int64_t c = 0; c < channels; ++c) {
    double mean, var, sum = 0, product = 0;
    reference::moments(array, g, 0, c, &mean, &var);
    const double inverse = 1 / std::sqrt(var + static_cast<double>(kEps));
    auto xhat = [&](std::int64_t r) { return (array(r, c) - mean) * inverse; };
    auto d = [&](std::int64_t r) {
      return gamma.at(c) * xhat(r) + beta.at(c) > 0 ? static_cast<double>(dy.at(r * channels + c)) : 0.0;
    };
    for (std::int64_t r = 0; r < rows; ++r) sum += d(r), product += d(r) * xhat(r);
    CHECK(std::fabs(bv.grad().at(c) - sum) < 1e-3);
    CHECK(std::fabs(gv.grad().at(c) - product) < 1e-3);
    for (std::int64_t r = 0; r < rows; ++r) {
      const double dx = gamma.at(c) * inverse * (d(r) - sum / rows - xhat(r) * product / rows);
      worst = std::fmax(worst, std::fabs(xv.grad().at(r * channels + c) - dx));
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("batch norm: running statistics") {
  // Values 0..7 in one channel: mean 3.5, unbiased variance 6.
  std::vector<real> values;
  for (int i = 0; i < 8; ++i) values.push_back(static_cast<real>(i));
  const Var x(Tensor::from(values, {8, 1}), true), gamma(ones(1)), beta(Tensor::zeros({1}));
  Tensor mean = Tensor::full({1}, 1), var = Tensor::full({1}, 2);
  const Tensor alias = mean;
  batch_norm(x, gamma, beta, mean, var, true, real(0.25));
  CHECK(mean.item() == doctest::Approx(0.75 + 0.25 * 3.5));
  CHECK(var.item() == doctest::Approx(0.75 * 2 + 0.25 * 6));
  CHECK(alias.item() == mean.item());  // in place: the module's buffer is the same memory

  SUBCASE("evaluation leaves them alone and uses them") {
    const real m = mean.item(), v = var.item();
    const Var y = batch_norm(x, gamma, beta, mean, var, false, real(0.25));
    CHECK(mean.item() == m);
    CHECK(var.item() == v);
    CHECK(y.value().at(7) == doctest::Approx((7 - m) / std::sqrt(v + 1e-5)));
  }
  SUBCASE("recomputation moves them once") {
    const Var y = checkpoint(
        [&](const std::vector<Var>& in) { return batch_norm(in[0], gamma, beta, mean, var, true, real(0.25)); }, {x});
    const real m = mean.item(), v = var.item();
    CHECK(m == doctest::Approx(0.75 * (0.75 + 0.25 * 3.5) + 0.25 * 3.5));
    y.backward(Tensor::ones({8, 1}));
    CHECK(mean.item() == m);
    CHECK(var.item() == v);
  }
  SUBCASE("moving them later does not disturb a backward pass in evaluation mode") {
    const Var y = batch_norm(x, gamma, beta, mean, var, false);
    const double slope = 1 / std::sqrt(static_cast<double>(var.item()) + 1e-5);
    var.fill(100);
    y.backward(Tensor::ones({8, 1}));
    CHECK(x.grad().at(0) == doctest::Approx(slope));
  }
}

TEST_CASE("batch norm: a number that is not one shows, even behind the ReLU") {
  Tensor x = Tensor::ones({40, 16});
  x.mutable_data()[37] = std::numeric_limits<real>::quiet_NaN();
  Tensor mean = Tensor::zeros({16}), var = ones(16);
  const Var y = batch_norm(Var(x), Var(ones(16)), Var(Tensor::zeros({16})), mean, var, true, real(0.1), kEps, true);
  CHECK(std::isnan(y.value().at(5)));
  CHECK(std::isnan(mean.at(5)));
  CHECK(std::isnan(var.at(5)));
  CHECK(y.value().at(6) == 0);
}

TEST_CASE("norm: errors say what was expected") {
  Tensor mean = Tensor::zeros({4}), var = ones(4);
  const Var x(Tensor::ones({1, 1, 1, 4})), gamma(ones(4)), beta(Tensor::zeros({4})), wrong(ones(3));
  CHECK_THROWS_WITH_AS(batch_norm(x, gamma, beta, mean, var, true),
                       "batch_norm: expected more than 1 value per channel when training, input is [1, 1, 1, 4]",
                       Error);
  CHECK_NOTHROW(batch_norm(x, gamma, beta, mean, var, false));
  CHECK_THROWS_WITH_AS(batch_norm(x, wrong, beta, mean, var, true),
                       "batch_norm: gamma has shape [3], expected [4] for an input of shape [1, 1, 1, 4]", Error);
  Tensor short_mean = ones(2);
  CHECK_THROWS_WITH_AS(batch_norm(x, gamma, beta, short_mean, var, true),
                       "batch_norm: running_mean has shape [2], expected [4] for an input of shape [1, 1, 1, 4]",
                       Error);
  CHECK_THROWS_WITH_AS(batch_norm(Var(ones(4)), gamma, beta, mean, var, true),
                       "batch_norm: expects [N, .., C], input is [4]", Error);
  CHECK_THROWS_WITH_AS(group_norm(x, gamma, beta, 3), "group_norm: 4 channels cannot be cut into 3 equal groups",
                       Error);
  CHECK_THROWS_WITH_AS(group_norm(x, gamma, beta, 4),
                       "group_norm: expected more than 1 value per group, input is [1, 1, 1, 4]", Error);
  CHECK_THROWS_WITH_AS(instance_norm(x, gamma, beta),
                       "instance_norm: expected more than 1 place per channel, input is [1, 1, 1, 4]", Error);
  CHECK_THROWS_WITH_AS(layer_norm(x, gamma, wrong),
                       "layer_norm: beta has shape [3], expected [4] for an input of shape [1, 1, 1, 4]", Error);
}

}  // namespace medusa::test

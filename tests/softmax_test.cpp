// Softmax along any axis, attention.
#include <doctest/doctest.h>

#include <cmath>

#include "tensor/memory.h"
#include "tests/op_case.h"
#include "tests/reference_softmax.h"

using namespace medusa;
using namespace medusa::test;
using Arrays = std::vector<reference::Array>;
using Vars = std::vector<Var>;

TEST_CASE("softmax: along every axis") {
  for (const Shape& shape : {Shape{3, 5, 7}, Shape{2, 17, 3}, Shape{1, 1, 1}, Shape{2, 3, 9}})
    for (int axis = 0; axis < 3; ++axis)
      check_op(
          "softmax " + to_string(shape) + " axis " + std::to_string(axis), {normal(shape)},
          [=](const Vars& x) { return softmax(x[0], axis - 3); },
          [=](const Arrays& x) { return reference::softmax(x[0], axis); });
}

TEST_CASE("softmax: sizes that are cut into several pieces") {
  for (const Shape& shape : {Shape{3, 11, 601}, Shape{1500, 7, 1}, Shape{2, 9001, 1}})
    for (int axis : {1, 2}) {
      const Tensor x = draw(normal(shape), 2);
      const reference::Array want = reference::softmax(reference::Array(x), axis);
      const Tensor y = softmax(Var(x), axis).value();
      double worst = 0;
      for (std::int64_t i = 0; i < y.numel(); ++i)
        worst = std::fmax(worst, std::fabs(static_cast<double>(y.data()[i]) - want[i]) / want[i]);
      CHECK(worst < (sizeof(real) == 4 ? 2e-6 : 1e-13));
    }
}

TEST_CASE("softmax: large values neither overflow nor vanish") {
  const real big = sizeof(real) == 4 ? real(1e30) : real(1e300);
  for (const Shape& shape : {Shape{4, 1}, Shape{1, 4}}) {
    const Tensor y = softmax(Var(Tensor::from({big, -big, big, 0}, shape)), shape[0] == 1 ? 1 : 0).value();
    CHECK(y.to_vector() == std::vector<real>{real(0.5), 0, real(0.5), 0});
  }
  CHECK(softmax(Var(Tensor::full({1, 4}, 1000))).value().to_vector() == std::vector<real>(4, real(0.25)));
  CHECK(softmax(Var(Tensor::empty({0, 4}))).shape() == Shape{0, 4});
  CHECK(softmax(Var(Tensor::empty({4, 0}))).shape() == Shape{4, 0});
}

TEST_CASE("softmax: attention") {
  for (const Shape& d : {Shape{2, 5, 3, 7, 4}, Shape{1, 1, 1, 1, 1}, Shape{3, 9, 16, 8, 8}})
    check_op(
        "attention " + to_string(d),
        {normal({d[0], d[1], d[2]}), normal({d[0], d[3], d[2]}), normal({d[0], d[3], d[4]})},
        [](const Vars& x) { return attention(x[0], x[1], x[2], real(0.5)); },
        [](const Arrays& x) { return reference::attention(x[0], x[1], x[2], 0.5); });
}

// The scores of 1,100 queries and 1,000 keys are 1.1 million: more than are ever held at once.
TEST_CASE("softmax: attention in blocks of queries") {
  const std::int64_t n = 1100, m = 1000, d = 6;
  const Tensor qv = draw(normal({1, n, d}), 1), kv = draw(normal({1, m, d}), 2), vv = draw(normal({1, m, d}), 3),
               dy = draw(normal({1, n, d}), 4);
  std::vector<Tensor> results[2];
  std::int64_t peak[2];
  for (const bool plain : {false, true}) {
    const Var q(qv, true), k(kv, true), v(vv, true);
    reset_peak_memory(Device::CPU);
    const std::int64_t before = memory_stats(Device::CPU).in_use;
    const Var y = plain ? matmul(softmax(matmul(mul(q, real(0.5)), k, false, true)), v) : attention(q, k, v, real(0.5));
    y.backward(dy);
    peak[plain] = memory_stats(Device::CPU).peak - before;
    results[plain] = {y.value(), q.grad(), k.grad(), v.grad()};
  }
  const std::int64_t scores = n * m * static_cast<std::int64_t>(sizeof(real));
  CHECK(peak[1] > 2 * scores);
  CHECK(peak[0] < peak[1]);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::vector<real> got = results[0][i].to_vector(), want = results[1][i].to_vector();
    REQUIRE(got.size() == want.size());
    double worst = 0, scale = 0;
    for (std::size_t j = 0; j < got.size(); ++j) {
      worst = std::fmax(worst, std::fabs(static_cast<double>(got[j]) - static_cast<double>(want[j])));
      scale = std::fmax(scale, std::fabs(static_cast<double>(want[j])));
    }
    CHECK(worst <= scale * (sizeof(real) == 8 ? 1e-13 : 1e-5));
  }
}

TEST_CASE("softmax: errors") {
  const Var x(Tensor::ones({2, 3}));
  CHECK_THROWS_WITH_AS(softmax(x, 2), "softmax: axis 2 of [2, 3], which has 2 axes", Error);
  const Var q(Tensor::ones({1, 2, 3})), k(Tensor::ones({1, 4, 3})), v(Tensor::ones({1, 5, 3}));
  CHECK_THROWS_WITH_AS(
      attention(q, k, v, 1),
      "attention: expects q [B, n, d], k [B, m, d], v [B, m, e], shapes are [1, 2, 3], [1, 4, 3], [1, 5, 3]", Error);
}

// Softmax along any axis, attention.
#include <doctest/doctest.h>

#include <cmath>

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

TEST_CASE("softmax: errors") {
  const Var x(Tensor::ones({2, 3}));
  CHECK_THROWS_WITH_AS(softmax(x, 2), "softmax: axis 2 of [2, 3], which has 2 axes", Error);
  const Var q(Tensor::ones({1, 2, 3})), k(Tensor::ones({1, 4, 3})), v(Tensor::ones({1, 5, 3}));
  CHECK_THROWS_WITH_AS(
      attention(q, k, v, 1),
      "attention: expects q [B, n, d], k [B, m, d], v [B, m, e], shapes are [1, 2, 3], [1, 4, 3], [1, 5, 3]", Error);
}

// reshape, permute, flip, concat, slice.
#include <doctest/doctest.h>

#include "tensor/kernels.h"
#include "tests/op_case.h"
#include "tests/reference_layout.h"

using namespace medusa;
using namespace medusa::test;
using Arrays = std::vector<reference::Array>;
using Vars = std::vector<Var>;

TEST_CASE("layout: permute") {
  struct Case {
    Shape shape;
    std::vector<int> axes;
  };
  const std::vector<Case> cases = {
      {{5}, {0}},
      {{3, 7}, {0, 1}},
      {{17, 35}, {1, 0}},  // two tiles of 16 and a rest
      {{2, 5, 9}, {0, 2, 1}},
      {{2, 5, 9}, {2, 0, 1}},
      {{2, 5, 9}, {1, 2, 0}},
      {{2, 3, 4, 5}, {0, 3, 1, 2}},  // channels last to channels first
      {{2, 3, 4, 5}, {0, 2, 1, 3}},  // the heads of attention
      {{2, 1, 3, 1, 2, 3}, {5, 4, 3, 2, 1, 0}},
      {{2, 3, 2, 3, 2, 2}, {4, 0, 2, 5, 1, 3}},
  };
  for (const Case& c : cases)
    check_op(
        "permute " + to_string(c.shape), {normal(c.shape)}, [&](const Vars& x) { return permute(x[0], c.axes); },
        [&](const Arrays& x) { return reference::permute(x[0], c.axes); });
  check_op(
      "permute from the end", {normal({2, 3, 4})},
      [](const Vars& x) {
        return permute(x[0], {-1, 0, -2});
      },
      [](const Arrays& x) {
        return reference::permute(x[0], {2, 0, 1});
      });
  // Large enough for several pieces.
  const Tensor x = draw(normal({130, 257, 3}), 8);
  for (const std::vector<int>& axes : {std::vector<int>{1, 0, 2}, {2, 1, 0}, {0, 2, 1}, {2, 0, 1}}) {
    const reference::Array want = reference::permute(reference::Array(x), axes);
    const reference::Array got(permute(Var(x), axes).value());
    CHECK(got.v == want.v);
  }
}

TEST_CASE("layout: flip, reshape") {
  for (int axis = 0; axis < 4; ++axis)
    check_op(
        "flip " + std::to_string(axis), {normal({2, 3, 5, 7})}, [=](const Vars& x) { return flip(x[0], axis - 4); },
        [=](const Arrays& x) { return reference::flip(x[0], axis); });
  check_op(
      "flip of one place", {normal({3, 1, 2})}, [](const Vars& x) { return flip(x[0], 1); },
      [](const Arrays& x) { return x[0]; });
  check_op(
      "reshape", {normal({2, 3, 5})},
      [](const Vars& x) {
        return reshape(x[0], {6, 5});
      },
      [](const Arrays& x) {
        reference::Array y = x[0];
        y.shape = {6, 5};
        return y;
      });
}

TEST_CASE("layout: concat, slice") {
  for (int axis = 0; axis < 3; ++axis) {
    Shape a{2, 3, 5}, b = a, c = a;
    b[axis] = 1;
    c[axis] = 9;
    check_op(
        "concat " + std::to_string(axis), {normal(a), normal(b), normal(c)},
        [=](const Vars& x) { return concat(x, axis - 3); },
        [=](const Arrays& x) { return reference::concat(x, axis); });
    check_op(
        "slice " + std::to_string(axis), {normal(c)}, [=](const Vars& x) { return slice(x[0], axis, 1, 7); },
        [=](const Arrays& x) { return reference::slice(x[0], axis, 1, 7); });
  }
  check_op(
      "concat of one", {normal({2, 3})}, [](const Vars& x) { return concat({x[0]}); },
      [](const Arrays& x) { return x[0]; });
  check_op(
      "concat of one thing twice", {normal({2, 3})},
      [](const Vars& x) {
        return concat({x[0], x[0]});
      },
      [](const Arrays& x) {
        return reference::concat({x[0], x[0]}, 1);
      });
  check_op(
      "concat with a constant", {normal({2, 3}), constant({2, 2})}, [](const Vars& x) { return concat(x); },
      [](const Arrays& x) { return reference::concat(x, 1); });
  CHECK(slice(Var(Tensor::ones({2, 3})), 1, 3, 0).shape() == Shape{2, 0});
  const Tensor x = draw(normal({300, 7, 50}), 3);  // several pieces
  const reference::Array want = reference::slice(reference::Array(x), 1, 2, 3), got(slice(Var(x), 1, 2, 3).value());
  CHECK(got.v == want.v);
}

TEST_CASE("layout: reshape shares memory, the others copy") {
  const Var x(Tensor::ones({2, 3}));
  CHECK(reshape(x, {3, 2}).value().shares_memory_with(x.value()));
  CHECK_FALSE(permute(x, {0, 1}).value().shares_memory_with(x.value()));
  CHECK_FALSE(slice(x, 0, 0, 2).value().shares_memory_with(x.value()));
}

TEST_CASE("layout: errors") {
  const Var x(Tensor::ones({2, 3}));
  CHECK_THROWS_WITH_AS(permute(x, {0}), "permute: 1 axes given for shape [2, 3]", Error);
  CHECK_THROWS_WITH_AS(permute(x, {0, 2}), "permute: axis 2 of [2, 3], which has 2 axes", Error);
  CHECK_THROWS_WITH_AS(permute(x, {0, -2}), "permute: axis 0 of [2, 3] is given twice", Error);
  CHECK_THROWS_WITH_AS(flip(x, 5), "flip: axis 5 of [2, 3], which has 2 axes", Error);
  CHECK_THROWS_WITH_AS(reshape(x, {4, 2}), "reshape: [2, 3] has 6 elements, [4, 2] has 8", Error);
  CHECK_THROWS_WITH_AS(concat({}), "concat: nothing to concatenate", Error);
  CHECK_THROWS_WITH_AS(concat({x, Var(Tensor::ones({3, 3}))}),
                       "concat: parts may differ on axis 1 only, shapes are [2, 3] and [3, 3]", Error);
  CHECK_THROWS_WITH_AS(slice(x, 1, 2, 2), "slice: 2 places from 2 on axis 1 of [2, 3]", Error);
  CHECK_THROWS_AS(slice(x, 1, -1, 2), Error);
}

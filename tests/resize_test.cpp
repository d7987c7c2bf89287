// Nearest, bilinear and trilinear resizing.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/op_case.h"
#include "tests/reference_resize.h"

using namespace medusa;
using namespace medusa::test;
using Arrays = std::vector<reference::Array>;
using Vars = std::vector<Var>;

TEST_CASE("resize: volumes") {
  struct Case {
    Shape in;
    std::vector<std::int64_t> out;
  };
  const std::vector<Case> cases = {
      {{2, 2, 3, 4, 3}, {4, 6, 8}},  // twice
      {{1, 3, 5, 2, 1}, {2, 7, 5}},  // up and down, no whole factor
      {{1, 5, 7, 9, 2}, {1, 2, 3}},  // down: some places are never read, their gradient is 0
      {{1, 1, 1, 1, 5}, {3, 2, 4}},  // from one place
      {{2, 2, 3, 2, 9}, {2, 3, 2}},  // as it is
  };
  for (const Case& c : cases)
    for (bool linear : {false, true})
      check_op(
          "resize " + to_string(c.in) + (linear ? " linear" : " nearest"), {normal(c.in)},
          [&](const Vars& x) { return resize(x[0], c.out, linear); },
          [&](const Arrays& x) { return reference::resize(x[0], c.out, linear); });
}

TEST_CASE("resize: images are volumes of depth 1") {
  for (bool linear : {false, true})
    check_op(
        "resize 2D", {normal({2, 3, 5, 4})},
        [&](const Vars& x) {
          return resize(x[0], {6, 7}, linear);
        },
        [&](const Arrays& x) {
          reference::Array volume = x[0];
          volume.shape = {2, 1, 3, 5, 4};
          reference::Array y = reference::resize(volume, {1, 6, 7}, linear);
          y.shape = {2, 6, 7, 4};
          return y;
        });
}

TEST_CASE("resize: known values") {
  const Var x(Tensor::from({0, 4}, {1, 1, 2, 1}));
  CHECK(resize(x, {1, 4}).value().to_vector() == std::vector<real>{0, 1, 3, 4});
  CHECK(resize(x, {1, 4}, false).value().to_vector() == std::vector<real>{0, 0, 4, 4});
  CHECK(resize(x, {1, 1}).value().to_vector() == std::vector<real>{2});
  CHECK(resize(x, {1, 1}, false).value().to_vector() == std::vector<real>{0});
}

TEST_CASE("resize: sizes that are cut into several pieces; constants stay constant") {
  const Tensor x = draw(normal({2, 33, 47, 19}), 6);
  reference::Array volume(x);
  volume.shape = {2, 1, 33, 47, 19};
  const reference::Array want = reference::resize(volume, {1, 80, 61}, true);
  const Tensor y = resize(Var(x), {80, 61}).value();
  double worst = 0;
  for (std::int64_t i = 0; i < y.numel(); ++i)
    worst = std::fmax(worst, std::fabs(static_cast<double>(y.data()[i]) - want[i]));
  CHECK(worst < (sizeof(real) == 4 ? 2e-6 : 1e-14));
  Var ones(Tensor::ones({1, 7, 5, 3}), true);
  resize(ones, {13, 3}).backward(Tensor::ones({1, 13, 3, 3}));
  double total = 0;
  for (real g : ones.grad().to_vector()) total += static_cast<double>(g);
  CHECK(std::fabs(total - 13 * 3 * 3) < 1e-4);  // every output's weights sum to 1
}

TEST_CASE("resize: errors") {
  const Var x(Tensor::ones({1, 4, 4, 2}));
  CHECK_THROWS_WITH_AS(
      resize(x, {2, 2, 2}),
      "resize: expects [N, H, W, C] and 2 sizes or [N, D, H, W, C] and 3, input is [1, 4, 4, 2], sizes are [2, 2, 2]",
      Error);
  CHECK_THROWS_WITH_AS(resize(x, {0, 2}), "resize: sizes must be at least 1, input is [1, 4, 4, 2], sizes are [0, 2]",
                       Error);
  CHECK_THROWS_AS(resize(Var(Tensor::empty({1, 0, 4, 2})), {2, 2}), Error);
}

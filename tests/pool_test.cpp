#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/op_case.h"
#include "tests/reference_pool.h"

namespace medusa::test {

namespace {

using reference::Array;
using reference::Three;

void pool_case(const std::string& name, const Shape& shape, const Three& kernel, const Three& stride,
               const Three& pad) {
  const bool flat = shape.rank() == 4;
  for (bool maximum : {true, false})
    check_op(
        std::string(maximum ? "max_pool " : "avg_pool ") + name, {distinct(shape)},
        [=](const std::vector<Var>& in) {
          const PoolOptions options{kernel, stride, pad};
          return maximum ? max_pool(in[0], options) : avg_pool(in[0], options);
        },
        [=](const std::vector<Array>& in) {
          if (!flat) return reference::pool(in[0], kernel, stride, pad, maximum);
          Array x = in[0];  // 2D is depth 1
          x.shape = {shape[0], 1, shape[1], shape[2], shape[3]};
          Array y =
              reference::pool(x, {1, kernel[1], kernel[2]}, {1, stride[1], stride[2]}, {0, pad[1], pad[2]}, maximum);
          y.shape = {y.size(0), y.size(2), y.size(3), y.size(4)};
          return y;
        });
}

}  // namespace

TEST_CASE("pool 2D") {
  for (std::int64_t c : {1, 3, 16, 21}) {
    const std::string name = "c" + std::to_string(c);
    pool_case(name + " k2 s2", {2, 4, 6, c}, {2, 2, 2}, {2, 2, 2}, {0, 0, 0});
    pool_case(name + " k2 s2 odd", {1, 5, 7, c}, {2, 2, 2}, {2, 2, 2}, {0, 0, 0});
    pool_case(name + " k3 s2 p1", {1, 7, 6, c}, {3, 3, 3}, {2, 2, 2}, {1, 1, 1});
  }
  pool_case("k3 s1 p1", {1, 4, 5, 8}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1});
  pool_case("k2 s3", {1, 8, 9, 5}, {2, 2, 2}, {3, 3, 3}, {0, 0, 0});
  pool_case("k4 s3 p2", {1, 8, 5, 9}, {4, 4, 4}, {3, 3, 3}, {2, 2, 2});
  pool_case("k(3,1) s(1,2)", {2, 4, 5, 4}, {1, 3, 1}, {1, 1, 2}, {0, 1, 0});
  pool_case("1x1 input", {2, 1, 1, 3}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0});
  pool_case("window larger than input", {1, 2, 2, 3}, {4, 4, 4}, {1, 1, 1}, {2, 2, 2});
}

TEST_CASE("pool 3D") {
  pool_case("3d k2 s2", {1, 4, 4, 6, 8}, {2, 2, 2}, {2, 2, 2}, {0, 0, 0});
  pool_case("3d k2 s2 odd", {2, 3, 5, 5, 3}, {2, 2, 2}, {2, 2, 2}, {0, 0, 0});
  pool_case("3d k3 s2 p1", {1, 5, 4, 6, 17}, {3, 3, 3}, {2, 2, 2}, {1, 1, 1});
  pool_case("3d k(1,2,2)", {1, 3, 4, 4, 4}, {1, 2, 2}, {1, 2, 2}, {0, 0, 0});
}

TEST_CASE("max pool: of equal values the first gets the gradient") {
  for (std::int64_t channels : {1, 16}) {
    const Var x(Tensor::ones({1, 4, 4, channels}), true);
    max_pool(x).backward(Tensor::ones({1, 2, 2, channels}));
    for (std::int64_t h = 0; h < 4; ++h)
      for (std::int64_t w = 0; w < 4; ++w)
        CHECK(x.grad().at((h * 4 + w) * channels) == (h % 2 == 0 && w % 2 == 0 ? 1 : 0));
  }
}

TEST_CASE("max pool: infinities, and a number that is not one") {
  const real inf = std::numeric_limits<real>::infinity(), nan = std::numeric_limits<real>::quiet_NaN();
  for (std::int64_t channels : {1, 16}) {
    std::vector<real> values;
    for (real v : {-inf, -inf, real(3), nan, -inf, -inf, inf, nan})  // rows of 4: windows {-inf} and {3, nan, inf, nan}
      values.insert(values.end(), static_cast<std::size_t>(channels), v);
    const Var x(Tensor::from(values, {1, 2, 4, channels}), true);
    const Var y = max_pool(x);
    CHECK(y.value().at(0) == -inf);
    CHECK(std::isnan(y.value().at(channels)));
    y.backward(Tensor::ones({1, 1, 2, channels}));
    CHECK(x.grad().at(0) == 1);
    CHECK(x.grad().at(2 * channels) == 0);
    CHECK(x.grad().at(3 * channels) == 1);  // the first that is not a number
    CHECK(x.grad().at(7 * channels) == 0);
  }
}

TEST_CASE("pool: errors say what was expected") {
  const Var x(Tensor::ones({1, 3, 4, 2}));
  CHECK_THROWS_WITH_AS(max_pool(Var(Tensor::ones({3, 4, 2}))),
                       "max_pool: expects [N, H, W, C] or [N, D, H, W, C], input is [3, 4, 2]", Error);
  CHECK_THROWS_WITH_AS(max_pool(x, PoolOptions::window(3, 1, 2)),
                       "max_pool: height has padding 2, a window of 3 allows 0..1", Error);
  CHECK_THROWS_WITH_AS(avg_pool(x, PoolOptions::window(4, 1)),
                       "avg_pool: a window of 4 with padding 0 does not fit height 3 of input [1, 3, 4, 2]", Error);
  CHECK_THROWS_WITH_AS(avg_pool(x, PoolOptions::window(2, 0)),
                       "avg_pool: height has window 2 and stride 0, expected 1 or more", Error);
}

}  // namespace medusa::test

// Matrix products and the linear layer against the plain loop nests, and what they refuse.
#include <doctest/doctest.h>

#include "tensor/kernels.h"
#include "tests/message.h"
#include "tests/op_case.h"
#include "tests/reference_conv.h"

namespace medusa::test {

namespace {

using reference::Array;

void check_matmul(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k, bool ta, bool tb) {
  Shape a = ta ? Shape{k, m} : Shape{m, k}, b = tb ? Shape{n, k} : Shape{k, n};
  if (batch > 0) a = Shape{batch, a[0], a[1]}, b = Shape{batch, b[0], b[1]};
  check_op(
      "matmul " + to_string(a) + (ta ? "^T" : "") + " " + to_string(b) + (tb ? "^T" : ""), {normal(a), normal(b)},
      [=](const std::vector<Var>& v) { return matmul(v[0], v[1], ta, tb); },
      [=](const std::vector<Array>& v) { return reference::matmul(v[0], v[1], ta, tb); });
}

// The kernel alone, at sizes where finite differences would take too long; with alpha, beta and c's old content.
void check_kernel(MatmulGeometry g, real alpha, real beta) {
  INFO("batch ", g.batch, " m ", g.m, " n ", g.n, " k ", g.k, " transposed ", g.transpose_a, g.transpose_b, " alpha ",
       alpha, " beta ", beta);
  g.stride_a = g.m * g.k, g.stride_c = g.m * g.n;
  const Tensor a = draw(normal({g.batch, g.m * g.k}), 1), c0 = draw(normal({g.batch, g.m * g.n}), 3);
  const Tensor b = draw(normal({g.stride_b ? g.batch : 1, g.k * g.n}), 2);
  Tensor c = c0.clone();
  if (beta == 0) c.fill(std::numeric_limits<real>::quiet_NaN());  // must not be read
  kernels::matmul(Device::CPU, alpha, a.data(), b.data(), beta, c.mutable_data(), g);
  double worst = 0;
  for (std::int64_t p = 0; p < g.batch; ++p)
    for (std::int64_t i = 0; i < g.m; ++i)
      for (std::int64_t j = 0; j < g.n; ++j) {
        double sum = 0;
        for (std::int64_t s = 0; s < g.k; ++s)
          sum += static_cast<double>(a.data()[p * g.stride_a + (g.transpose_a ? s * g.m + i : i * g.k + s)]) *
                 static_cast<double>(b.data()[p * g.stride_b + (g.transpose_b ? j * g.k + s : s * g.n + j)]);
        const std::int64_t at = p * g.stride_c + i * g.n + j;
        const double want =
            static_cast<double>(alpha) * sum + static_cast<double>(beta) * static_cast<double>(c0.data()[at]);
        const double error = std::fabs(static_cast<double>(c.data()[at]) - want);
        if (!(error <= worst)) worst = error;
      }
  CHECK(worst <= (sizeof(real) == 8 ? 1e-14 : 1e-6) * (4 + 8 * std::sqrt(static_cast<double>(g.k))));
}

}  // namespace

TEST_CASE("matmul") {
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      check_matmul(0, 5, 7, 3, ta, tb);
      check_matmul(0, 17, 33, 9, ta, tb);
      check_matmul(3, 4, 6, 5, ta, tb);
      check_matmul(0, 1, 1, 1, ta, tb);
      check_matmul(2, 8, 16, 8, ta, tb);
    }
  check_matmul(0, 1, 20, 4, false, false);
  check_matmul(0, 20, 1, 4, false, false);
}
TEST_CASE("matmul: alpha, beta, more than one block of each axis") {
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      MatmulGeometry g;
      g.transpose_a = ta, g.transpose_b = tb;
      g.m = 130, g.n = 35, g.k = 300;
      check_kernel(g, 1, 0);
      check_kernel(g, real(0.5), real(-2));
      g.m = 7, g.n = 530, g.k = 20;
      check_kernel(g, 2, 1);
      g.m = 9, g.n = 16, g.k = 9001;  // k is cut into pieces
      check_kernel(g, 1, 0);
      check_kernel(g, real(0.5), real(0.25));
      g.n = 5;
      check_kernel(g, 1, 1);
      g.batch = 3, g.m = 20, g.n = 24, g.k = 12, g.stride_b = 12 * 24;
      check_kernel(g, 1, 0);
      g.stride_b = 0;  // one b for all
      check_kernel(g, 3, 1);
    }
}
TEST_CASE("matmul: sizes of 0") {
  const Var y = matmul(zeros({3, 0}), zeros({0, 2}));
  CHECK(y.shape() == Shape{3, 2});
  for (real v : y.value().to_vector()) CHECK(v == 0);
  CHECK(matmul(zeros({0, 4}), zeros({4, 2})).shape() == Shape{0, 2});
  CHECK(matmul(zeros({2, 3, 4}), zeros({2, 4, 0})).shape() == Shape{2, 3, 0});
}
TEST_CASE("linear") {
  const auto check = [](Shape x, std::int64_t out, bool bias) {
    std::vector<Input> inputs{normal(x), normal({out, x[-1]})};
    if (bias) inputs.push_back(normal({out}));
    check_op(
        "linear " + to_string(x) + " to " + std::to_string(out), inputs,
        [=](const std::vector<Var>& v) { return linear(v[0], v[1], bias ? v[2] : Var()); },
        [=](const std::vector<Array>& v) { return reference::linear(v[0], v[1], bias ? v[2] : Array()); });
  };
  check({4, 6}, 3, true);
  check({2, 3, 10}, 17, true);
  check({7}, 2, true);
  check({5, 8}, 8, false);
  check({1, 1}, 1, true);
}
TEST_CASE("matmul, linear: what does not fit is refused") {
  CHECK(message_of([] { matmul(zeros({2, 3}), zeros({4, 5})); }) == "matmul: inner sizes differ: [2, 3] and [4, 5]");
  CHECK(message_of([] {
          matmul(zeros({2, 3}), zeros({3, 5}), true);
        }) == "matmul: inner sizes differ: [2, 3] transposed and [3, 5]");
  CHECK(message_of([] {
          matmul(zeros({2, 2, 3}), zeros({3, 3, 5}));
        }) == "matmul: batches differ: [2, 2, 3] and [3, 3, 5]");
  CHECK(message_of([] {
          matmul(zeros({3}), zeros({3, 5}));
        }) == "matmul: expects two matrices [m, k], [k, n] or two batches [B, m, k], [B, k, n], found [3] and [3, 5]");
  CHECK(message_of([] {
          linear(zeros({2, 3}), zeros({4, 5}));
        }) == "linear: weight [4, 5] expects 5 input features, input is [2, 3]");
  CHECK(message_of([] {
          linear(zeros({2, 5}), zeros({4, 5}), zeros({5}));
        }) == "linear: expects a bias of shape [4], found [5]");
  CHECK(message_of([] { linear(zeros({2, 5}), zeros({5})); }) == "linear: expects a weight [out, in], found [5]");
}

}  // namespace medusa::test

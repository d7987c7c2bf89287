// Sums, means, maxima: gradients, accuracy over many elements, the same bits for any number of threads.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/isa.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/op_case.h"
#include "tests/reference_reduce.h"

using namespace medusa;
using namespace medusa::test;
using Arrays = std::vector<reference::Array>;
using Vars = std::vector<Var>;

namespace {

template <class F>
void on_every_isa(F body) {
  const Isa before = isa();
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512})
    if (set_isa(set)) {
      CAPTURE(std::string(name(set)));
      body();
    }
  set_isa(before);
}

// sum_k x[o, k, i] beside the kernel's.  In long double: 70,001 additions one after another, in double, are less
// accurate than the kernel's sums of sums.
void check_sum(Rows r) {
  CAPTURE(r.outer);
  CAPTURE(r.length);
  CAPTURE(r.inner);
  Tensor x = Tensor::empty({r.outer, r.length, r.inner}), y = Tensor::empty({r.outer, r.inner});
  Random random(5);
  real* p = x.mutable_data();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    p[i] = static_cast<real>(random.uniform());  // of one sign: errors add up
  const int before = threads();
  std::vector<real> first;
  for (int count : {1, 2, 5}) {
    set_threads(count);
    kernels::sum(Device::CPU, x.data(), real(0.5), y.mutable_data(), r);
    if (first.empty()) first = y.to_vector();
    CHECK(y.to_vector() == first);
  }
  set_threads(before);
  double worst = 0;
  for (std::int64_t o = 0; o < r.outer; ++o)
    for (std::int64_t i = 0; i < r.inner; ++i) {
      long double s = 0;
      for (std::int64_t k = 0; k < r.length; ++k) s += static_cast<long double>(p[(o * r.length + k) * r.inner + i]);
      const auto half = static_cast<double>(s / 2);
      const auto got = static_cast<double>(first[static_cast<std::size_t>(o * r.inner + i)]);
      worst = std::fmax(worst, std::fabs(got - half) / half);
    }
  CHECK(worst < (sizeof(real) == 4 ? 3e-7 : 1e-14));
}

}  // namespace

TEST_CASE("reduce: ops") {
  check_op(
      "sum", {normal({3, 5, 7})}, [](const Vars& x) { return sum(x[0]); },
      [](const Arrays& x) { return reference::sum_all(x[0]); });
  check_op(
      "mean", {normal({3, 5, 7})}, [](const Vars& x) { return mean(x[0]); },
      [](const Arrays& x) { return reference::sum_all(x[0], 1.0 / 105); });
  for (int axis = 0; axis < 4; ++axis)
    for (bool keep : {false, true}) {
      const Shape shape{3, 5, 1, 7};
      const double n = static_cast<double>(shape[axis]);
      const std::string name = " axis " + std::to_string(axis) + (keep ? " keep" : "");
      check_op(
          "sum" + name, {normal(shape)}, [=](const Vars& x) { return sum(x[0], axis, keep); },
          [=](const Arrays& x) { return reference::sum(x[0], axis, 1, keep); });
      check_op(
          "mean" + name, {normal(shape)}, [=](const Vars& x) { return mean(x[0], axis - 4, keep); },
          [=](const Arrays& x) { return reference::sum(x[0], axis, 1 / n, keep); });
    }
  check_op(
      "sum of the only axis", {normal({9})}, [](const Vars& x) { return sum(x[0], 0); },
      [](const Arrays& x) { return reference::sum_all(x[0]); });
  check_op(
      "global_avg_pool 2D", {normal({2, 3, 5, 7})}, [](const Vars& x) { return global_avg_pool(x[0]); },
      [](const Arrays& x) { return reference::sum(reference::sum(x[0], 1), 1, 1.0 / 15); });
  check_op(
      "global_avg_pool 3D", {normal({2, 3, 2, 3, 1})}, [](const Vars& x) { return global_avg_pool(x[0]); },
      [](const Arrays& x) { return reference::sum(reference::sum(reference::sum(x[0], 1), 1), 1, 1.0 / 18); });
  const Tensor w = draw(normal({4, 9}), 17);
  check_op(
      "weighted_sum", {normal({4, 9})}, [&](const Vars& x) { return weighted_sum(x[0], w.to(x[0].device())); },
      [&](const Arrays& x) {
        reference::Array product = x[0];
        for (std::int64_t i = 0; i < w.numel(); ++i) product[i] *= static_cast<double>(w.data()[i]);
        return reference::sum_all(product);
      });
}

TEST_CASE("reduce: sums of every form are accurate and the same for any number of threads") {
  on_every_isa([] {
    check_sum({1, 1000003, 1});  // one long sum
    check_sum({1, 70001, 16});   // columns: gradients of biases
    check_sum({1, 30001, 3});    // narrow columns
    check_sum({3, 1031, 65});    // columns that are not a multiple of a vector
    check_sum({2, 3, 50001});    // few rows, many columns
    check_sum({40001, 7, 1});    // many short rows
    check_sum({501, 333, 1});    // rows
    check_sum({5, 1, 9});
    check_sum({1, 1, 1});
    check_sum({7, 129, 31});
  });
}

TEST_CASE("reduce: sums of nothing") {
  real y[3] = {5, 5, 5};
  kernels::sum(Device::CPU, nullptr, 1, y, {1, 0, 3});
  CHECK(y[0] == 0);
  CHECK(y[2] == 0);
  kernels::sum(Device::CPU, nullptr, 1, nullptr, {0, 4, 3});
  CHECK(sum(Var(Tensor::empty({0}))).item() == 0);
}

TEST_CASE("reduce: index of the maximum") {
  on_every_isa([] {
    const Tensor x = Tensor::from({1, 5, 5, 2, -1, -3, -1, -2}, {2, 4});
    Tensor y = Tensor::empty({2});
    kernels::max_index(Device::CPU, x.data(), y.mutable_data(), {2, 4, 1});
    CHECK(y.to_vector() == std::vector<real>{1, 0});  // the first of equals
    for (const Rows r : {Rows{3, 7, 700}, Rows{2000, 9, 1}, Rows{1, 40, 33}, Rows{4, 1, 3}}) {
      const Tensor v = draw(distinct({r.outer, r.length, r.inner}), 9);
      Tensor index = Tensor::empty({r.outer, r.inner});
      kernels::max_index(Device::CPU, v.data(), index.mutable_data(), r);
      bool right = true;
      for (std::int64_t o = 0; o < r.outer; ++o)
        for (std::int64_t i = 0; i < r.inner; ++i) {
          std::int64_t best = 0;
          for (std::int64_t k = 1; k < r.length; ++k)
            if (v.at((o * r.length + k) * r.inner + i) > v.at((o * r.length + best) * r.inner + i)) best = k;
          right = right && index.at(o * r.inner + i) == static_cast<real>(best);
        }
      CHECK(right);
    }
  });
}

TEST_CASE("reduce: inner products over spans, count of values that are not finite") {
  on_every_isa([] {
    for (std::int64_t n : {0, 1, 31, 1000, 200003}) {
      Tensor x = draw(normal({n}), 4);
      const Tensor other = draw(normal({n}), 5);
      double want = 0, size = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const double a = static_cast<double>(x.data()[i]), b = static_cast<double>(other.data()[i]);
        want += a * b + (i < n / 3 ? a * a : 0);
        size += std::fabs(a * b) + a * a;
      }
      const PairSpan spans[]{{x.data(), other.data(), n}, {nullptr, nullptr, 0}, {x.data(), x.data(), n / 3}};
      real y[2] = {7, 7};
      kernels::inner_product(Device::CPU, spans, 3, y);
      CHECK(std::fabs(static_cast<double>(y[0]) + static_cast<double>(y[1]) - want) <= 1e-13 * size);
      CHECK(std::fabs(static_cast<double>(y[1])) <= 1e-7 * std::fabs(static_cast<double>(y[0])));
      real bad = 5;
      kernels::count_nonfinite(Device::CPU, x.data(), &bad, n);
      CHECK(bad == 0);
      if (n == 0) continue;
      x.mutable_data()[0] = std::numeric_limits<real>::infinity();
      x.mutable_data()[n / 2] = -std::numeric_limits<real>::infinity();
      x.mutable_data()[n - 1] = std::numeric_limits<real>::quiet_NaN();
      kernels::count_nonfinite(Device::CPU, x.data(), &bad, n);
      CHECK(bad == (n == 1 ? 1 : 3));
      kernels::inner_product(Device::CPU, spans, 1, y);
      CHECK(std::isnan(y[0] + y[1]));
    }
  });
}

TEST_CASE("reduce: errors") {
  const Var x(Tensor::ones({2, 3}));
  CHECK_THROWS_WITH_AS(sum(x, 2), "sum: axis 2 of [2, 3], which has 2 axes", Error);
  CHECK_THROWS_WITH_AS(mean(x, -3), "mean: axis -3 of [2, 3], which has 2 axes", Error);
  CHECK_THROWS_WITH_AS(mean(Var(Tensor::empty({0}))), "mean: shape [0] has no elements", Error);
  CHECK_THROWS_WITH_AS(mean(Var(Tensor::empty({3, 0})), 1), "mean: axis 1 of [3, 0] is empty", Error);
  CHECK_THROWS_WITH_AS(global_avg_pool(x), "global_avg_pool: expects [N, S.., C], input is [2, 3]", Error);
  CHECK_THROWS_WITH_AS(global_avg_pool(Var(Tensor::empty({2, 0, 3}))),
                       "global_avg_pool: [2, 0, 3] has no places to average", Error);
  CHECK_THROWS_WITH_AS(weighted_sum(x, Tensor::ones({3, 2})),
                       "weighted_sum: values [2, 3] and weights [3, 2] differ in shape", Error);
}

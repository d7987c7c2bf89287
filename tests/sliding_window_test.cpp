// The sliding window: shares, the plain prediction where one window is enough, and how much memory it takes.
#include "mtl/inference/sliding_window.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "mtl/inference/padding.h"
#include "mtl/training/evaluate.h"
#include "tensor/memory.h"
#include "tensor/random.h"
#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::mtl;
using test::contains;
using test::input_error;

namespace {

ModelConfig config_of(int rank) {
  ModelConfig config;
  config.arch = "hps";
  config.spatial_dims = rank;
  config.in_channels = 2;
  config.widths = {3, 4};
  config.tasks.resize(2);
  config.tasks[0].name = "organ";
  config.tasks[0].kind = TaskKind::Structures;
  config.tasks[0].channels = 3;
  config.tasks[1].name = "dose";
  config.tasks[1].kind = TaskKind::Regression;
  return config;
}

Tensor noise(const Shape& shape, std::uint64_t seed) {
  Random random(seed, 7);
  Tensor t = Tensor::empty(shape);
  for (std::int64_t i = 0; i < t.numel(); ++i) t.mutable_data()[i] = static_cast<real>(random.normal());
  return t;
}

std::unique_ptr<Model> network(int rank) {
  auto model = make_model(config_of(rank), 5);
  model->eval();
  return model;
}

}  // namespace

TEST_CASE("sliding window: the shares of an axis add up to 1 at every voxel, windows cover it evenly") {
  for (std::int64_t side : {1, 5, 16, 17, 40, 101})
    for (std::int64_t window : {1, 4, 16, 64})
      for (double overlap : {0.0, 0.25, 0.5, 0.9}) {
        CAPTURE(side);
        CAPTURE(window);
        CAPTURE(overlap);
        const WindowAxis axis = window_axis(side, window, overlap);
        REQUIRE(axis.length == std::min(side, window));
        REQUIRE(axis.first.front() == 0);
        REQUIRE(axis.first.back() == side - axis.length);
        std::vector<double> sum(static_cast<std::size_t>(side), 0);
        for (std::size_t n = 0; n < axis.first.size(); ++n) {
          if (n > 0) REQUIRE(axis.first[n] > axis.first[n - 1]);
          if (n > 0)  // at least the overlap asked for
            REQUIRE(static_cast<double>(axis.first[n] - axis.first[n - 1]) <=
                    std::max(1.0, static_cast<double>(axis.length) * (1 - overlap)));
          for (std::size_t i = 0; i < axis.share[n].size(); ++i) {
            REQUIRE(axis.share[n][i] > 0);
            sum[static_cast<std::size_t>(axis.first[n]) + i] += axis.share[n][i];
          }
        }
        for (double s : sum) REQUIRE(s == doctest::Approx(1).epsilon(1e-12));
      }
  // A window says most about what lies in its middle.
  const WindowAxis axis = window_axis(24, 16, 0.5);
  CHECK(axis.first == std::vector<std::int64_t>{0, 8});
  CHECK(axis.share[0][8] > 0.9);
  CHECK(axis.share[0][15] < 0.1);
}

TEST_CASE("sliding window: a window as large as the volume, or larger, gives the plain prediction") {
  for (int rank : {2, 3}) {
    const auto model = network(rank);
    const Shape shape = rank == 2 ? Shape{2, 6, 9, 2} : Shape{2, 5, 6, 9, 2};
    const Tensor x = noise(shape, 3);
    const NoGrad no_grad;
    const std::vector<Var> plain = outputs_any_size(*model, Var(x));
    using datasets::Extent;
    const Extent exact = rank == 2 ? Extent{6, 9} : Extent{5, 6, 9},
                 larger = rank == 2 ? Extent{64, 64} : Extent{64, 64, 64};
    for (const Extent& size : {exact, larger, Extent()}) {
      const std::vector<Tensor> slid = sliding_outputs(*model, x, {size, 0.5});
      REQUIRE(slid.size() == 2);
      for (std::size_t t = 0; t < 2; ++t) {
        CHECK(slid[t].shape() == plain[t].shape());
        CHECK(slid[t].to_vector() == plain[t].value().to_vector());
      }
    }
  }
}

// Each window through the network by itself, each voxel's shares by the definition: a Gaussian over all three axes.
TEST_CASE("sliding window: windows are blended as the loop nest blends them") {
  const auto model = network(3);
  const std::array<std::int64_t, 3> side{11, 8, 13}, window{6, 8, 5};
  const Tensor x = noise({2, 11, 8, 13, 2}, 4);
  const NoGrad no_grad;
  for (double overlap : {0.0, 0.5}) {
    const std::vector<Tensor> slid = sliding_outputs(*model, x, {{6, 8, 5}, overlap});
    std::array<WindowAxis, 3> axes;
    for (std::size_t a = 0; a < 3; ++a) axes[a] = window_axis(side[a], window[a], overlap);
    std::vector<double> sum(static_cast<std::size_t>(slid[0].numel()), 0), weight(sum.size(), 0);
    for (std::int64_t z : axes[0].first)
      for (std::int64_t y : axes[1].first)
        for (std::int64_t w : axes[2].first) {
          Tensor piece = Tensor::empty({2, 6, 8, 5, 2});
          std::int64_t at = 0;
          const auto each = [&](const auto& body) {
            for (std::int64_t n = 0; n < 2; ++n)
              for (std::int64_t i = 0; i < 6; ++i)
                for (std::int64_t j = 0; j < 8; ++j)
                  for (std::int64_t k = 0; k < 5; ++k) body(((n * 11 + z + i) * 8 + y + j) * 13 + w + k, i, j, k);
          };
          each([&](std::int64_t voxel, auto, auto, auto) {
            for (std::int64_t c = 0; c < 2; ++c) piece.mutable_data()[at++] = x.data()[voxel * 2 + c];
          });
          const Tensor out = outputs_any_size(*model, Var(piece))[0].value();
          at = 0;
          each([&](std::int64_t voxel, std::int64_t i, std::int64_t j, std::int64_t k) {
            const auto square = [](double place, double length) {
              const double d = (place - (length - 1) / 2) / (length / 8);
              return d * d;
            };
            const double g = std::exp(-(square(static_cast<double>(i), 6) + square(static_cast<double>(j), 8) +
                                        square(static_cast<double>(k), 5)) /
                                      2);
            for (std::int64_t c = 0; c < 3; ++c, ++at) {
              sum[static_cast<std::size_t>(voxel * 3 + c)] += g * static_cast<double>(out.data()[at]);
              weight[static_cast<std::size_t>(voxel * 3 + c)] += g;
            }
          });
        }
    double worst = 0;
    for (std::size_t i = 0; i < sum.size(); ++i)
      worst = std::max(worst, std::abs(sum[i] / weight[i] - static_cast<double>(slid[0].data()[i])));
    CHECK(worst < 1e-5);
  }
}

TEST_CASE("sliding window: parts come in order, each plane once, and memory does not grow with the volume") {
  const auto model = network(3);
  const auto peak_of = [&](std::int64_t depth) {
    const Tensor x = noise({1, depth, 8, 8, 2}, 1);
    slide(*model, noise({1, 8, 8, 8, 2}, 1), {{8, 8, 8}, 0.5}, [](auto, const auto&) {});  // pools are warm
    reset_peak_memory();
    const std::int64_t before = memory_stats().in_use;
    std::int64_t next = 0;
    slide(*model, x, {{8, 8, 8}, 0.5}, [&](std::int64_t first, const std::vector<Tensor>& outputs) {
      REQUIRE(first == next);
      REQUIRE(outputs.size() == 2);
      next += outputs[0].size(1);
      REQUIRE(outputs[1].size(1) == outputs[0].size(1));
    });
    CHECK(next == depth);
    return memory_stats().peak - before;
  };
  const std::int64_t small = peak_of(24), large = peak_of(240);
  CHECK(small > 0);
  // The pool may hand out a block that is a little too large; ten times the outputs would be 200 KiB more.
  CHECK(large <= small + 8192);
}

TEST_CASE("sliding window: what cannot be") {
  const auto model = network(3);
  const Tensor x = noise({1, 4, 4, 4, 2}, 1);
  CHECK(contains(input_error([&] { sliding_outputs(*model, x, {{4, 4}, 0.5}); }), "window 4x4: expected 3 numbers"));
  CHECK(contains(input_error([&] { sliding_outputs(*model, x, {{4, 0, 4}, 0.5}); }), "expected 1 or more"));
  CHECK(contains(input_error([&] { sliding_outputs(*model, x, {{4, 4, 4}, 1}); }), "overlap 1: expected 0 to 0.9"));
  ModelConfig config = config_of(3);
  config.tasks[1].kind = TaskKind::Classification;
  config.tasks[1].channels = 2;
  const auto other = make_model(config, 1);
  CHECK(contains(input_error([&] {
                   sliding_outputs(*other, x, {{4, 4, 4}, 0.5});
                 }),
                 "task dose: has one answer per image"));
}

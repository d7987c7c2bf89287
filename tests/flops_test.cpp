// What is counted as floating-point operations: by hand, and for whole networks by PyTorch's shapes.
#include "autograd/flops.h"

#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "mtl/networks/model.h"

using namespace medusa;

namespace {

template <class F>
std::int64_t flops_of(F&& f) {
  const std::int64_t before = flops_counted();
  f();
  return flops_counted() - before;
}

Var ones(const Shape& shape, bool requires_grad = false) { return Var(Tensor::ones(shape), requires_grad); }

}  // namespace

TEST_CASE("flops: operations by hand, forward and backward") {
  // 2 per multiply-add: 2 images, 5 x 7 places, 9 taps, 3 input and 4 output channels.
  const std::int64_t conv_flops = 2 * 2 * 5 * 7 * 9 * 3 * 4;
  const Var w = ones({3, 3, 3, 4}, true), x = ones({2, 5, 7, 3}), deep = ones({2, 5, 7, 3}, true);
  CHECK(flops_of([&] { conv(x, w, {}, ConvOptions::same(3)); }) == conv_flops);
  CHECK(flops_of([&] { sum(conv(x, w, {}, ConvOptions::same(3))).backward(); }) ==
        2 * conv_flops);  // the picture: no dx
  CHECK(flops_of([&] { sum(conv(deep, w, {}, ConvOptions::same(3))).backward(); }) == 3 * conv_flops);
  ConvOptions twice;
  twice.stride = {2, 2, 2};
  CHECK(flops_of([&] { conv_transpose(ones({1, 3, 4, 5}), ones({2, 2, 6, 5}), {}, twice); }) == 2 * 3 * 4 * 5 * 4 * 6);
  CHECK(flops_of([&] { linear(ones({8, 3}), ones({5, 3})); }) == 2 * 8 * 3 * 5);
  const Var a = ones({2, 3, 4}, true), b = ones({2, 4, 5}, true);
  CHECK(flops_of([&] { matmul(a, b); }) == 2 * 2 * 3 * 4 * 5);
  CHECK(flops_of([&] { sum(matmul(a, b)).backward(); }) == 3 * 2 * 2 * 3 * 4 * 5);
  CHECK(flops_of([&] { relu(a); }) == 0);
}

// Counted from the shapes of a PyTorch implementation of the same networks: GFLOP of eight pictures of 96 x 128, widths
// 16, 32, 64, 128, forward.
TEST_CASE("flops: a picture through each architecture") {
  struct Row {
    const char* arch;
    double eight;
  };
  for (const Row& row : {Row{"stl", 18.142}, Row{"hps", 11.413}, Row{"mtan", 29.432}, Row{"ctan", 29.734}}) {
    mtl::ModelConfig config;
    config.arch = row.arch;
    config.widths = {16, 32, 64, 128};
    config.tasks.resize(2);
    config.tasks[0].name = "lesion";
    config.tasks[1].name = "diagnosis";
    config.tasks[1].kind = TaskKind::Classification;
    config.tasks[1].channels = 7;
    const auto model = mtl::make_model(config);
    model->eval();
    const NoGrad no_grad;
    const std::int64_t counted = flops_of([&] { model->outputs(ones({1, 96, 128, 3})); });
    CHECK_MESSAGE(static_cast<double>(counted) / 1e9 * 8 == doctest::Approx(row.eight).epsilon(1e-4), row.arch);
  }
}

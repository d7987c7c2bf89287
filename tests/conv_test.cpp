// Convolution and transposed convolution against the plain loop nests, and what they refuse.
#include "nn/conv.h"

#include <doctest/doctest.h>

#include <thread>

#include "tensor/isa.h"
#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tensor/weight_cache.h"
#include "tests/message.h"
#include "tests/op_case.h"
#include "tests/reference_conv.h"

namespace medusa::test {

namespace {

using reference::Array;

ConvOptions options(std::int64_t stride, std::int64_t pad, std::int64_t dilation = 1, std::int64_t groups = 1) {
  ConvOptions o;
  o.stride = {stride, stride, stride};
  o.pad = {pad, pad, pad};
  o.dilation = {dilation, dilation, dilation};
  o.groups = groups;
  return o;
}

// One row: x, weight and, where the case says so, a bias; the gradient of all of them.
void check_conv(const std::string& name, Shape x, Shape w, const ConvOptions& o, bool bias = false) {
  std::vector<Input> inputs{normal(x), normal(w)};
  if (bias) inputs.push_back(normal(Shape{w[-1]}));
  check_op(
      "conv " + name, inputs, [=](const std::vector<Var>& v) { return conv(v[0], v[1], bias ? v[2] : Var(), o); },
      [=](const std::vector<Array>& v) { return reference::conv(v[0], v[1], bias ? v[2] : Array(), o); });
}

void check_transpose(const std::string& name, Shape x, Shape w, const ConvOptions& o,
                     std::array<std::int64_t, 3> output_pad = {0, 0, 0}, bool bias = false) {
  std::vector<Input> inputs{normal(x), normal(w)};
  if (bias) inputs.push_back(normal(Shape{w[-2] * o.groups}));
  check_op(
      "conv_transpose " + name, inputs,
      [=](const std::vector<Var>& v) { return conv_transpose(v[0], v[1], bias ? v[2] : Var(), o, output_pad); },
      [=](const std::vector<Array>& v) {
        return reference::conv_transpose(v[0], v[1], bias ? v[2] : Array(), o, output_pad);
      });
}

}  // namespace

TEST_CASE("conv: 3x3, the channels the networks use") {
  check_conv("3x3 16 to 16", {1, 3, 4, 16}, {3, 3, 16, 16}, ConvOptions::same(3));
  check_conv("3x3 3 to 16, bias", {2, 3, 5, 3}, {3, 3, 3, 16}, ConvOptions::same(3), true);
  check_conv("3x3 8 to 40", {1, 2, 3, 8}, {3, 3, 8, 40}, ConvOptions::same(3));
  check_conv("3x3 1 to 1", {1, 4, 4, 1}, {3, 3, 1, 1}, ConvOptions::same(3), true);
  check_conv("3x3 5 to 7", {2, 5, 6, 5}, {3, 3, 5, 7}, ConvOptions::same(3), true);
}
TEST_CASE("conv: 1x1") {
  check_conv("1x1 24 to 8", {2, 3, 5, 24}, {1, 1, 24, 8}, {}, true);
  check_conv("1x1 16 to 1", {2, 5, 5, 16}, {1, 1, 16, 1}, {}, true);
  check_conv("1x1 3 to 7", {1, 2, 2, 3}, {1, 1, 3, 7}, {});
  check_conv("1x1 with padding", {1, 3, 3, 4}, {1, 1, 4, 8}, options(1, 1), true);
  check_conv("1x1 stride 2", {1, 5, 6, 4}, {1, 1, 4, 8}, options(2, 0));
}
TEST_CASE("conv: strides, dilations, kernels of other sizes") {
  check_conv("3x3 stride 2", {2, 7, 8, 4}, {3, 3, 4, 8}, ConvOptions::same(3, 2));
  check_conv("3x3 no padding", {1, 5, 6, 4}, {3, 3, 4, 9}, options(1, 0), true);
  check_conv("3x3 dilation 2", {1, 7, 6, 3}, {3, 3, 3, 8}, options(1, 2, 2));
  check_conv("3x3 stride 3 dilation 2", {1, 9, 8, 2}, {3, 3, 2, 5}, options(3, 1, 2));
  check_conv("3x3 stride 4 dilation 2, no tap in some phases", {1, 9, 9, 2}, {3, 3, 2, 3}, options(4, 1, 2), true);
  check_conv("2x2 stride 2", {1, 6, 4, 5}, {2, 2, 5, 8}, options(2, 0));
  check_conv("7x7 stride 2", {1, 8, 7, 2}, {7, 7, 2, 3}, options(2, 3));
  check_conv("kernel as large as the padded input", {1, 2, 3, 2}, {4, 5, 2, 3}, options(1, 1));
  check_conv("padding beyond the kernel", {1, 3, 2, 2}, {2, 2, 2, 3}, options(1, 3));
  check_conv("1 pixel", {3, 1, 1, 4}, {3, 3, 4, 6}, ConvOptions::same(3));
  ConvOptions odd;
  odd.stride = {1, 2, 1}, odd.pad = {0, 0, 2}, odd.dilation = {1, 1, 3};
  check_conv("unlike axes", {1, 6, 7, 3}, {3, 2, 3, 4}, odd);
}
TEST_CASE("conv: groups") {
  check_conv("2 groups", {1, 4, 5, 6}, {3, 3, 3, 8}, options(1, 1, 1, 2), true);
  check_conv("depthwise", {1, 5, 4, 5}, {3, 3, 1, 5}, options(1, 1, 1, 5));
  check_conv("4 groups stride 2, no padding", {1, 5, 7, 8}, {2, 3, 2, 12}, options(2, 0, 1, 4));
  check_conv("1x1 in 2 groups", {1, 3, 3, 8}, {1, 1, 4, 34}, options(1, 0, 1, 2));
}
TEST_CASE("conv: volumes") {
  check_conv("3x3x3", {1, 2, 3, 2, 4}, {3, 3, 3, 4, 5}, ConvOptions::same(3), true);
  check_conv("3x3x3 stride 2", {1, 4, 5, 3, 2}, {3, 3, 3, 2, 3}, ConvOptions::same(3, 2));
  check_conv("3x3x3 dilation 2 in depth", {1, 5, 3, 3, 2}, {3, 1, 2, 2, 3}, options(1, 2, 2));
  check_conv("1x1x1", {2, 2, 3, 2, 3}, {1, 1, 1, 3, 5}, {});
}
TEST_CASE("conv_transpose") {
  check_transpose("k2 s2", {2, 3, 4, 8}, {2, 2, 5, 8}, options(2, 0), {0, 0, 0}, true);
  check_transpose("k2 s2 16 to 16", {1, 2, 3, 16}, {2, 2, 16, 16}, options(2, 0));
  check_transpose("k3 s2 with output padding", {1, 3, 4, 3}, {3, 3, 4, 3}, options(2, 1), {1, 1, 1}, true);
  check_transpose("k3 s1", {1, 4, 3, 3}, {3, 3, 2, 3}, options(1, 1));
  check_transpose("2 groups", {1, 3, 2, 6}, {2, 3, 4, 6}, options(2, 0, 1, 2), {0, 0, 0}, true);
  check_transpose("volume", {1, 2, 3, 2, 4}, {2, 2, 2, 3, 4}, options(2, 0), {0, 0, 0}, true);
  check_transpose("k1 s3: places that no input reaches", {1, 2, 2, 2}, {1, 1, 3, 2}, options(3, 0), {0, 2, 1}, true);
}
// Larger than one band, one block of columns, one piece, and large enough for Winograd's way (3x3, stride 1, channels
// in whole vectors), odd sizes among them: values and both gradients against the loop nests.  Errors are relative to
// the largest value.
static void check_large(Shape xs, Shape ws, const ConvOptions& o,
                        const double kTolerance = sizeof(real) == 8 ? 1e-12 : 1e-5) {
  if (parity_only()) return;  // nothing here computes on another device
  INFO("x ", to_string(xs), " w ", to_string(ws));
  const auto error = [](const Tensor& got, const Array& want) {
    REQUIRE(got.shape() == want.shape);
    double scale = 0, worst = 0;
    for (std::int64_t i = 0; i < got.numel(); ++i) {
      scale = std::fmax(scale, std::fabs(want[i]));
      const double e = std::fabs(want[i] - static_cast<double>(got.data()[i]));
      if (!(e <= worst)) worst = e;
    }
    return worst / scale;
  };
  const Tensor xv = draw(normal(xs), 1), wv = draw(normal(ws), 2), bv = draw(normal({ws[-1]}), 4);
  const Tensor dy = draw(normal(conv(Var(xv), Var(wv), Var(bv), o).shape()), 3);
  std::array<std::int64_t, 3> rest{0, 0, 0};  // what the stride leaves over
  for (int a = 5 - xs.rank(); a < 3; ++a) {
    const int axis = a - (5 - xs.rank());
    rest[a] = (xs[axis + 1] + 2 * o.pad[a] - o.dilation[a] * (ws[axis] - 1) - 1) % o.stride[a];
  }
  Array want, want_dx, want_dw;
  if (kLoopNests) {
    want = reference::conv(Array(xv), Array(wv), Array(bv), o);
    want_dx = reference::conv_transpose(Array(dy), Array(wv), Array(), o, rest);
    want_dw = reference::conv_weight_gradient(Array(xv), Array(dy), ws, o);
  }
  const Isa before = isa();
  const int threads_before = threads();
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    Tensor bits[3];
    for (int n : {1, 2, 3}) {
      set_threads(n);
      const Var x(xv, true), w(wv, true), y = conv(x, w, Var(bv), o);
      y.backward(dy);
      if (n == 1 && kLoopNests) {
        CHECK(error(y.value(), want) <= kTolerance);
        CHECK(error(x.grad(), want_dx) <= kTolerance);
        CHECK(error(w.grad(), want_dw) <= kTolerance);
      }
      if (n == 1) bits[0] = y.value(), bits[1] = x.grad(), bits[2] = w.grad();
      CHECK(bits[0].to_vector() == y.value().to_vector());
      CHECK(bits[1].to_vector() == x.grad().to_vector());
      CHECK(bits[2].to_vector() == w.grad().to_vector());
    }
  }
  set_isa(before);
  set_threads(threads_before);
}
TEST_CASE("conv: sizes beyond one band and block") {
  check_large({2, 50, 96, 20}, {3, 3, 20, 22}, ConvOptions::same(3));
  check_large({1, 40, 64, 33}, {1, 1, 33, 70}, {});
  check_large({2, 33, 47, 16}, {3, 3, 16, 33}, ConvOptions::same(3, 2));
  check_large({1, 6, 20, 24, 12}, {3, 3, 3, 12, 14}, ConvOptions::same(3));
}
// The side of the tiles of Winograd's forward pass, by the size of the transformed weights; 0: it was done otherwise.
static int tile_side(const Shape& xs, const Shape& ws, const ConvOptions& o) {
  const Isa before = isa();
  set_isa(Isa::Base);
  WeightCache cache;
  {
    const NoGrad no_grad;
    conv(Var(Tensor::ones(xs)), Var(Tensor::ones(ws)), {}, o, &cache);
  }
  set_isa(before);
  return cache.numel() == 0 ? 0 : cache.numel() >= 36 * ws.numel() / 9 ? 4 : 2;
}
// Winograd's way, with tiles of that side: large ones where there are enough that are well filled.  The errors are
// those that tensor/cpu/winograd.cpp states.
static void check_winograd(int side, Shape xs, Shape ws, const ConvOptions& o = ConvOptions::same(3)) {
  CHECK_MESSAGE(tile_side(xs, ws, o) == side, to_string(xs));
  check_large(xs, ws, o, sizeof(real) == 8 ? 1e-14 : side == 4 ? 6e-6 : 1e-6);
}
TEST_CASE("conv: Winograd") {
  check_winograd(4, {2, 13, 11, 16}, {3, 3, 16, 16});
  check_winograd(4, {1, 16, 16, 16}, {3, 3, 16, 24});
  check_winograd(4, {1, 45, 97, 16}, {3, 3, 16, 16});
  check_winograd(4, {1, 96, 96, 32}, {3, 3, 32, 32});  // a weight gradient that sums over many tiles
  check_winograd(2, {5, 4, 5, 32}, {3, 3, 32, 24});
  check_winograd(2, {90, 6, 6, 32}, {3, 3, 32, 24});  // three small tiles across, or two large ones partly in vain
  check_winograd(2, {1, 6, 6, 80}, {3, 3, 80, 64});   // too few tiles for the weight gradient of so many channels
  check_winograd(4, {3, 10, 14, 16}, {3, 3, 16, 16}, options(1, 0));
  check_winograd(2, {2, 10, 7, 16}, {3, 3, 16, 16}, options(1, 0));
  check_conv("Winograd", {1, 4, 4, 16}, {3, 3, 16, 16}, ConvOptions::same(3), true);
}
TEST_CASE("conv: Winograd in volumes") {
  check_winograd(4, {2, 13, 7, 9, 16}, {3, 3, 3, 16, 32});  // several chunks of layers in two stacks
  check_winograd(2, {2, 13, 6, 9, 16}, {3, 3, 3, 16, 32});
  check_winograd(2, {1, 3, 5, 6, 16}, {3, 3, 3, 16, 16});
  check_winograd(2, {2, 4, 6, 5, 16}, {1, 3, 3, 16, 16}, options(1, 1));  // depth 1, padded: the first plane is zeros
  check_winograd(0, {1, 7, 8, 7, 16}, {3, 3, 3, 16, 16}, options(1, 1, 2));  // dilation: not Winograd's
  for (int side : {2, 4}) {
    const std::int64_t size = side == 4 ? 12 : 6;
    const Shape x{1, 6, size, size, 16}, w{3, 3, 3, 16, 16};
    ConvOptions deep = options(1, 1);
    deep.stride[0] = 2;
    check_winograd(side, x, w, deep);
    deep = options(1, 1);
    deep.dilation[0] = 2, deep.pad[0] = 2;
    check_winograd(side, x, w, deep);
    deep = options(1, 1);
    deep.pad[0] = 0;
    check_winograd(side, x, w, deep);
  }
}
TEST_CASE("conv: Winograd with many channels") {
  check_winograd(4, {3, 9, 7, 80}, {3, 3, 80, 64});    // one sum for all pieces of the weight gradient
  check_winograd(4, {1, 26, 25, 80}, {3, 3, 80, 64});  // which takes several chunks
  check_winograd(2, {18, 6, 6, 80}, {3, 3, 80, 64});
  check_winograd(2, {1, 4, 6, 6, 64}, {3, 3, 3, 64, 96});  // weights beyond the L2 cache: all threads at one chunk
  check_winograd(4, {1, 4, 8, 8, 64}, {3, 3, 3, 64, 96});
  // And several such chunks; rounding grows with the root of the number of terms, 37,008 here, in whatever way.
  check_large({1, 12, 12, 4112}, {3, 3, 4112, 16}, ConvOptions::same(3));
}
TEST_CASE("conv: no images") {
  const Var x(Tensor::empty({0, 4, 4, 3}), true), w(Tensor::ones({3, 3, 3, 8}), true);
  const Var y = conv(x, w, {}, ConvOptions::same(3));
  CHECK(y.shape() == Shape{0, 4, 4, 8});
  y.backward(Tensor::empty({0, 4, 4, 8}));
  for (real g : w.grad().to_vector()) CHECK(g == 0);
}
TEST_CASE("conv: what does not fit is refused") {
  const Var x = zeros({2, 64, 64, 1});
  CHECK(message_of([&] {
          conv(x, zeros({3, 3, 3, 16}));
        }) == "conv: weight [3, 3, 3, 16] expects 3 input channels, input is [2, 64, 64, 1]");
  CHECK(message_of([&] {
          conv(zeros({2, 64, 1}), zeros({3, 3, 1, 16}));
        }) == "conv: expects [N, H, W, C] or [N, D, H, W, C], input is [2, 64, 1]");
  CHECK(message_of([&] {
          conv(x, zeros({3, 3, 3, 1, 16}));
        }) == "conv: input [2, 64, 64, 1] expects a weight of rank 4, the weight is [3, 3, 3, 1, 16]");
  CHECK(message_of([&] {
          conv(zeros({1, 2, 9, 1}), zeros({5, 5, 1, 4}), {}, options(1, 1));
        }) == "conv: a kernel of 5 with dilation 1 is larger than the height of input [1, 2, 9, 1] padded by 1");
  CHECK(message_of([&] {
          conv(x, zeros({3, 3, 1, 16}), {}, options(1, 1, 1, 3));
        }) == "conv: the 16 channels of weight [3, 3, 1, 16] are not divisible by 3 groups");
  CHECK(message_of([&] {
          conv(x, zeros({3, 3, 1, 16}), zeros({8}));
        }) == "conv: expects a bias of shape [16], found [8]");
  CHECK(message_of([&] {
          conv(x, zeros({3, 3, 1, 16}), {}, options(0, 1));
        }) == "conv: height: expects stride >= 1, dilation >= 1, padding >= 0, found 0, 1, 1");
  CHECK(message_of([&] {
          conv(x, zeros({3, 3, 1, 16}), {}, options(1, 1, 1, 0));
        }) == "conv: groups is 0, expected 1 or more");
  CHECK(message_of([&] { conv(x, Var()); }) == "conv: the weight is empty");
  CHECK(message_of([&] { conv(x, zeros({0, 3, 1, 16})); }) == "conv: weight [0, 3, 1, 16] has no tap along height");
  CHECK(message_of([&] {
          conv_transpose(x, zeros({2, 2, 8, 16}));
        }) == "conv_transpose: weight [2, 2, 8, 16] expects 16 input channels, input is [2, 64, 64, 1]");
  CHECK(message_of([&] {
          conv_transpose(x, zeros({2, 2, 8, 1}), zeros({1}), options(2, 0));
        }) == "conv_transpose: expects a bias of shape [8], found [1]");
  CHECK(message_of([&] {
          conv_transpose(x, zeros({2, 2, 8, 1}), {}, options(2, 0), {0, 2, 0});
        }) == "conv_transpose: height: output padding 2 is outside 0..1 (less than the stride)");
  CHECK(message_of([&] {
          conv_transpose(zeros({1, 1, 1, 1}), zeros({2, 2, 8, 1}), {}, options(2, 1));
        }) == "conv_transpose: input [1, 1, 1, 1] with kernel 2 and padding 1 gives height 0");
}

// Predicting, the transformed weights are kept from call to call, and must not outlive what they were made of.
TEST_CASE("conv: weights that are kept from one prediction to the next") {
  Var w(draw(normal(Shape{3, 3, 16, 32}), 7), true);
  const Var x(draw(normal(Shape{1, 8, 8, 16}), 8));
  WeightCache cache;
  const auto recorded = [&](const Var& weight) {
    return conv(x, weight, {}, ConvOptions::same(3), &cache).value().to_vector();
  };
  const auto predicted = [&](const Var& weight) {
    const NoGrad no_grad;
    return recorded(weight);
  };
  const Isa before = isa();
  const std::vector<real> first = recorded(w);
  CHECK(cache.numel() == 0);
  for (int i = 0; i < 3; ++i) CHECK(predicted(w) == first);
  CHECK(cache.numel() > 0);
  const std::int64_t held = memory_stats().in_use;
  CHECK(recorded(w) == first);
  CHECK(cache.numel() == 0);
  CHECK(memory_stats().in_use < held);  // training wants the memory

  CHECK(predicted(w) == first);
  w.value().mutable_data()[5] += 1;  // an optimiser's step
  const std::vector<real> second = predicted(w);
  CHECK(second != first);
  CHECK(second == predicted(w));
  CHECK(second == recorded(w));
  CHECK(predicted(w) == second);
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {  // each has a layout of its own
    if (!set_isa(set)) continue;
    const std::vector<real> here = predicted(w);
    CHECK(here == predicted(w));
    CHECK(here == recorded(w));
    CHECK(predicted(w) == here);
  }
  set_isa(before);
  for (int i = 0; i < 4; ++i) {  // other weights, perhaps in the same memory
    const Var other(draw(normal(Shape{3, 3, 16, 32}), static_cast<std::uint64_t>(20 + i)), true);
    const std::vector<real> here = predicted(other);
    CHECK(here == recorded(other));
    CHECK(predicted(other) == here);
  }
}

TEST_CASE("conv: each layer keeps its own packed weights, and threads that predict with one layer do not wait") {
  nn::Conv2d one(16, 32, 3, ConvOptions::same(3)), two(16, 32, 3, ConvOptions::same(3));
  one.initialize(1);
  two.initialize(2);
  const Var x(draw(normal(Shape{1, 8, 8, 16}), 8));
  const auto values = [&](nn::Conv2d& layer) { return layer(x).value().to_vector(); };
  const std::vector<real> first = values(one), second = values(two);
  const std::int64_t before = memory_stats().in_use;
  {
    const NoGrad no_grad;
    for (int i = 0; i < 2; ++i) {
      CHECK(values(one) == first);
      CHECK(values(two) == second);
    }
    one.initialize(2);
    CHECK(values(one) == second);
    CHECK(memory_stats().in_use > before);
  }
  std::vector<std::thread> threads;
  std::vector<int> same(4, 1);
  for (int& good : same)
    threads.emplace_back([&] {
      const NoGrad no_grad;
      for (int i = 0; i < 50; ++i) good = good && values(two) == second;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(same == std::vector<int>(4, 1));
}

}  // namespace medusa::test

// Modules and layers: names, shapes, initial values, modes; multi-head attention against numbers computed with PyTorch.
#include <doctest/doctest.h>

#include <cmath>

#include "nn/activation.h"
#include "nn/attention.h"
#include "nn/checkpoint.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/optim.h"
#include "nn/pool.h"
#include "nn/resblock.h"
#include "nn/sequential.h"
#include "nn/upsample.h"
#include "tests/data_fixture.h"
#include "tests/ramp.h"

namespace medusa::nn {
namespace {

using test::check_values;
using test::ramp;

std::vector<std::string> names(const Module& module) {
  std::vector<std::string> all;
  for (const Parameter& p : module.parameters()) all.push_back(p.name);
  for (const Buffer& b : module.buffers()) all.push_back(b.name);
  return all;
}

Shape shape_of(const Module& module, const std::string& name) {
  for (const Parameter& p : module.parameters())
    if (p.name == name) return p.var.shape();
  FAIL("no parameter is named ", name);
  return {};
}

Var image(const Shape& shape) { return Var(ramp(shape)); }

struct Twice : Module {
  Twice() {
    param("weight", {1}, Init::constant(0));
    param("weight", {1}, Init::constant(0));
  }
};
struct Dotted : Module {
  Dotted() { buffer("a.b", Tensor::zeros({1})); }
};

TEST_CASE("modules list parameters and buffers by path, own ones first, in order of creation") {
  ResBlock block(2, 2, 3);
  CHECK(names(block) == std::vector<std::string>{"conv1.weight", "norm1.weight", "norm1.bias", "conv2.weight",
                                                 "norm2.weight", "norm2.bias", "skip.conv.weight", "skip.norm.weight",
                                                 "skip.norm.bias", "norm1.running_mean", "norm1.running_var",
                                                 "norm2.running_mean", "norm2.running_var", "skip.norm.running_mean",
                                                 "skip.norm.running_var"});
  CHECK(names(ResBlock(2, 3, 3)).size() == 10);  // without a change of channels the skip is the identity
  CHECK(block.parameter_count() == 9 * 2 * 3 + 6 + 9 * 3 * 3 + 6 + 2 * 3 + 6);
  CHECK_THROWS_WITH_AS(Twice(), "module: the name 'weight' is taken", Error);
  CHECK_THROWS_WITH_AS(Dotted(), "module: name 'a.b' is empty or has a '.', which separates the parts of a path",
                       Error);
  CHECK_THROWS_AS(ModuleList<Linear>().forward(image({1, 1})), Error);
}

TEST_CASE("handles of parameters and buffers share memory with the module") {
  Linear layer(2, 1);
  for (Parameter& p : layer.parameters()) p.var.value().fill(p.name == "bias" ? 10 : 1);
  CHECK(layer(Var(Tensor::from({3, 4}, {1, 2}))).item() == 17);
  BatchNorm norm(1);
  norm.buffers()[0].tensor.fill(5);
  norm.eval();
  CHECK(norm(Var(Tensor::full({1, 1, 1, 1}, 5))).item() == 0);
}

TEST_CASE("initial values depend on seed and name, not on the order of creation") {
  Sequential one, other;
  one.push<Linear>(4, 4);
  one.push<Linear>(4, 4);
  other.push<Linear>(4, 4);
  one.initialize(7);
  other.initialize(7);
  const auto a = one.parameters(), b = other.parameters();
  CHECK(a[0].var.value().to_vector() == b[0].var.value().to_vector());
  CHECK(a[0].var.value().to_vector() != a[2].var.value().to_vector());
  other.initialize(8);
  CHECK(a[0].var.value().to_vector() != b[0].var.value().to_vector());
}

TEST_CASE("an optimiser refuses a parameter without initial values, zeros that were asked for are values") {
  struct Zeros : Module {
    Zeros() { param("w", {2}, Init::constant(0)); }
    Var w() const { return parameters()[0].var; }
    void grow() { add<Linear>("more", 2, 2); }
  };
  const auto step = [](const Module& module) {
    for (Parameter& p : module.parameters()) p.var.set_grad(Tensor::ones(p.var.shape()));
    make_optimizer({}, module.parameters())->step(0.1);
  };
  const auto refused = [](const std::string& name) {
    return "optimizer: parameter '" + name +
           "' has no initial values; call initialize(seed) on the network or load a checkpoint before the first step";
  };
  Zeros net;
  CHECK_THROWS_WITH_AS(step(net), refused("w").c_str(), Error);
  CHECK(net.w().value().to_vector() == std::vector<real>{0, 0});
  net.initialize(1);  // zeros again, but asked for
  step(net);
  CHECK(net.w().value().at(0) != 0);
  net.grow();
  CHECK_THROWS_WITH_AS(step(net), refused("more.weight").c_str(), Error);
  net.initialize(1);
  step(net);

  Sequential chain;  // the norm's scale is 1 from the start, its shift is not there yet
  chain.push<BatchNorm>(2);
  CHECK_THROWS_WITH_AS(step(chain), refused("0.bias").c_str(), Error);
  const auto optimizer = make_optimizer({}, chain.parameters());  // may be made first
  chain.to(Device::CPU);
  CHECK_THROWS_WITH_AS(optimizer->step(0.1), refused("0.bias").c_str(), Error);
  CHECK(optimizer->steps() == 0);
  chain.initialize(1);
  optimizer->step(0.1);

  Zeros by_hand;
  by_hand.w().value().copy_from(Tensor::ones({2}));
  step(by_hand);

  test::TempFolder folder;
  save_checkpoint(folder / "net.safetensors", by_hand);
  Zeros loaded;
  load_checkpoint(folder / "net.safetensors", loaded);
  step(loaded);
}

TEST_CASE("initial values have the spread their names promise") {
  const auto spread = [](Init init) {
    Tensor t = Tensor::zeros({20000});
    init.fill(t, 1, "w");
    double sum = 0, squares = 0, most = 0;
    for (real v : t.to_vector()) {
      const double x = static_cast<double>(v);
      sum += x;
      squares += x * x;
      most = std::max(most, std::abs(x));
    }
    CHECK(std::abs(sum / 20000) < 0.02 * std::sqrt(squares / 20000) * 2);
    return std::pair(squares / 20000, most);
  };
  CHECK(spread(Init::kaiming_normal(50)).first == doctest::Approx(2.0 / 50).epsilon(0.05));
  CHECK(spread(Init::normal(3)).first == doctest::Approx(9).epsilon(0.05));
  CHECK(spread(Init::kaiming_uniform(6)).second == doctest::Approx(1).epsilon(0.01));
  CHECK(spread(Init::xavier_uniform(2, 4)).second == doctest::Approx(1).epsilon(0.01));
  CHECK(spread(Init::torch_default(16)).second == doctest::Approx(0.25).epsilon(0.01));
  CHECK(spread(Init::uniform(1)).first == doctest::Approx(1.0 / 3).epsilon(0.05));
  CHECK_THROWS_WITH_AS(Init::kaiming_normal(0), "init: fan must be at least 1, got 0", Error);
  Tensor matrices = Tensor::empty({3, 3, 2});
  Init::diagonal(2, -1).fill(matrices, 0, "a");
  CHECK(matrices.to_vector() == std::vector<real>{2, 2, -1, -1, -1, -1, -1, -1, 2, 2, -1, -1, -1, -1, -1, -1, 2, 2});
  Tensor oblong = Tensor::empty({2, 3});
  CHECK_THROWS_WITH_AS(Init::diagonal(1, 0).fill(oblong, 0, "a"), "init: a diagonal needs [n, n, ..], got [2, 3]",
                       Error);
}

TEST_CASE("norms start as the identity up to normalisation, convolutions at He's deviation") {
  ConvNorm layer(3, 4, 64, 3);
  layer.initialize(3);
  for (const Parameter& p : layer.parameters()) {
    if (p.name == "norm.weight") CHECK(p.var.value().at(63) == 1);
    if (p.name == "norm.bias") CHECK(p.var.value().at(63) == 0);
    if (p.name == "conv.weight") CHECK(p.init.a == doctest::Approx(std::sqrt(2.0 / (27 * 4))));
  }
}

TEST_CASE("convolution layers: shapes of weights and outputs, errors") {
  ConvOptions strided = ConvOptions::same(3, 2);
  CHECK(Conv2d(4, 6, 3, strided)(image({2, 5, 8, 4})).shape() == Shape{2, 3, 4, 6});
  CHECK(Conv3d(4, 6, 3, strided)(image({1, 3, 5, 8, 4})).shape() == Shape{1, 2, 3, 4, 6});
  ConvOptions doubling;
  doubling.stride = {2, 2, 2};
  CHECK(ConvTranspose2d(4, 6, 2, doubling)(image({2, 5, 8, 4})).shape() == Shape{2, 10, 16, 6});
  CHECK(ConvTranspose3d(4, 6, 2, doubling)(image({1, 2, 3, 1, 4})).shape() == Shape{1, 4, 6, 2, 6});
  ConvOptions grouped;
  grouped.groups = 2;
  CHECK(shape_of(Conv2d(4, 6, 3, grouped), "weight") == Shape{3, 3, 2, 6});
  CHECK(shape_of(ConvTranspose3d(4, 6, 2, grouped), "weight") == Shape{2, 2, 2, 3, 4});
  CHECK(names(Conv2d(1, 1, 1, {}, false)) == std::vector<std::string>{"weight"});
  CHECK_THROWS_WITH_AS(Conv(4, 1, 1, 3), "conv: spatial_dims must be 2 or 3, got 4", Error);
  CHECK_THROWS_WITH_AS(Conv2d(0, 1, 3), "conv: channels must be at least 1, got 0 in and 1 out", Error);
  CHECK_THROWS_WITH_AS(Conv2d(3, 4, 3, grouped),
                       "conv: groups must divide the channels, got 2 groups for 3 in and 4 out", Error);
  CHECK_THROWS_WITH_AS(ConvTranspose2d(1, 1, 0), "conv_transpose: kernel must be at least 1, got 0", Error);
}

TEST_CASE("norm layers: modes, running statistics, errors") {
  const Var x(ramp({3, 4, 5, 2}));
  BatchNorm norm(2), with_relu(2, true);
  norm.initialize(0);
  with_relu.initialize(0);
  const std::vector<real> plain = norm(x).value().to_vector(), positive = with_relu(x).value().to_vector();
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(positive[i] == std::max<real>(plain[i], 0));
  const std::vector<real> moved = norm.buffers()[1].tensor.to_vector();
  CHECK(moved[0] != 1);
  norm.eval();
  CHECK(norm(x).value().to_vector() != plain);
  CHECK(norm.buffers()[1].tensor.to_vector() == moved);

  GroupNorm groups(2, 2);
  InstanceNorm instance(2);
  groups.initialize(0);
  instance.initialize(0);
  CHECK(groups(x).value().to_vector() == instance(x).value().to_vector());
  LayerNorm layer(2);
  layer.initialize(0);
  CHECK(std::abs(layer(x).value().at(0) + layer(x).value().at(1)) < 1e-5);
  CHECK_THROWS_WITH_AS(GroupNorm(2, 3), "group_norm: 2 groups do not divide 3 channels", Error);
  CHECK_THROWS_WITH_AS(LayerNorm(0), "norm: channels must be at least 1, got 0", Error);
}

TEST_CASE("modes reach every module below") {
  Sequential net;
  net.push<Sequential>().push<Dropout>(real(0.5));
  const Var x(Tensor::ones({1000}));
  seed_ops(1);
  int zeros = 0;
  for (real v : net(x).value().to_vector()) zeros += v == 0;
  CHECK(zeros > 400);
  CHECK(zeros < 600);
  net.eval();
  CHECK(net(x).value().to_vector() == x.value().to_vector());
  net.train();
  CHECK(net(x).value().to_vector() != x.value().to_vector());
  CHECK_THROWS_WITH_AS(Dropout(1), "dropout: probability must be in [0, 1), got 1", Error);
}

TEST_CASE("pooling, upsampling, activations as modules") {
  const Var x(Tensor::from({-1, 2, 3, -4}, {1, 2, 2, 1}));
  CHECK(MaxPool()(x).item() == 3);
  CHECK(AvgPool()(x).item() == 0);
  CHECK(GlobalAvgPool()(x).shape() == Shape{1, 1});
  CHECK(Upsample(2)(x).value().to_vector() ==
        std::vector<real>{-1, -1, 2, 2, -1, -1, 2, 2, 3, 3, -4, -4, 3, 3, -4, -4});
  CHECK(Upsample({3, 2}, Interpolation::Linear)(x).value().at(2) == 1);  // half-way between -1 and 3
  CHECK_THROWS_WITH_AS(Upsample(0), "upsample: factor must be at least 1, got 0", Error);
  CHECK(ReLU()(x).value().to_vector() == std::vector<real>{0, 2, 3, 0});
  CHECK(LeakyReLU(real(0.5))(x).value().to_vector() == std::vector<real>{-0.5, 2, 3, -2});
  check_values(Sigmoid()(x).value(), {0.2689414214, 0.8807970780, 0.9525741268, 0.0179862100});
  check_values(Tanh()(x).value(), {-0.7615941560, 0.9640275801, 0.9950547537, -0.9993292997});
  check_values(SiLU()(x).value(), {-0.2689414214, 1.7615941560, 2.8577223804, -0.0719448398});
  check_values(GELU()(x).value(), {-0.1586552539, 1.9544997361, 2.9959503124, -0.0001266850});
  check_values(Softmax(2)(x).value(), {0.0474258732, 0.9525741268, 0.9990889488, 0.0009110512});
}

TEST_CASE("containers name their children as PyTorch does") {
  Sequential net;
  net.push<Linear>(2, 3);
  net.push<ReLU>();
  net.push<Linear>(3, 1, false);
  CHECK(names(net) == std::vector<std::string>{"0.weight", "0.bias", "2.weight"});
  ModuleDict<Linear> dict;
  dict.put("b", 1, 1, false);
  dict.put("a", 1, 1, false);
  CHECK(names(dict) == std::vector<std::string>{"b.weight", "a.weight"});
  CHECK(dict.find("c") == nullptr);
  CHECK_THROWS_WITH_AS(dict["c"], "module dict: no module is named 'c'", Error);
  CHECK_THROWS_WITH_AS(dict.put("a", 1, 1), "module: the name 'a' is taken", Error);
  CHECK_THROWS_WITH_AS(ModuleList<Linear>()[0], "module list: index 0 of 0 modules", Error);
}

// The numbers are torch.nn.MultiheadAttention's on the same weights and inputs, in double.
TEST_CASE("multi-head attention agrees with PyTorch: self, cross, gradients") {
  MultiHeadAttention layer(4, 2);
  CHECK(names(layer) == std::vector<std::string>{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"});
  std::vector<Parameter> p = layer.parameters();
  for (std::size_t k = 0; k < p.size(); ++k) p[k].var.value().copy_from(ramp(p[k].var.shape(), static_cast<double>(k)));
  const Var q(ramp({2, 3, 4}, 4)), kv(ramp({2, 2, 4}, 5));
  check_values(layer(q).value(),
               {2.28487019, 1.09699199, 1.61890473, 1.48526281, 2.45856783, 1.27483844, 1.7544456,  1.54309415,
                2.68895288, 1.52164281, 1.95320275, 1.64188772, 1.90037852, 1.8566108,  3.32421777, 3.69083376,
                1.83331247, 1.90856843, 3.4816275,  3.91257936, 1.74754204, 1.9457839,  3.632108,   4.13701863});
  const Var y = layer.forward(q, kv, kv * real(0.5));
  check_values(y.value(),
               {2.26606234, 1.16429506, 1.75473882, 1.65414738, 2.27716328, 1.16910422, 1.75200002, 1.644576,
                2.28754621, 1.16738791, 1.73863279, 1.62304944, 2.15877953, 1.42524553, 2.31576101, 2.36869946,
                2.15045507, 1.43988387, 2.34953854, 2.41279332, 2.14382108, 1.4482561,  2.37073011, 2.44126889});
  y.backward(ramp({2, 3, 4}, 6));
  check_values(p[1].var.grad(), {-0.0463300616, 0.0667506785, 0.0151034729, -0.0482871111, 0, 0, 0, 0, 3.83767418,
                                 1.11796914, -4.12576252, -0.054805571});
  const std::vector<real> dw = p[0].var.grad().to_vector();
  check_values(
      Tensor::from({dw[0], dw[1], dw[2], dw[3], dw[16], dw[17], dw[18], dw[19], dw[32], dw[33], dw[34], dw[35]}, {12}),
      {0.0301066577, -0.0337089633, -0.021420229, 0.0392287204, -0.100305385, -0.0696340997, 0.118249326, 0.0391625505,
       -1.03911206, 1.34850488, 0.691617203, -1.52672702});
  CHECK_THROWS_WITH_AS(MultiHeadAttention(4, 3), "multi-head attention: 3 heads do not divide dimension 4", Error);
  CHECK_THROWS_WITH_AS(layer(image({2, 3, 5})), "multi-head attention: expects a query [N, L, 4], got [2, 3, 5]",
                       Error);
  CHECK_THROWS_WITH_AS(layer.forward(q, image({1, 2, 4}), kv),
                       "multi-head attention: expects key and value [2, M, 4], got [1, 2, 4] and [2, 2, 4]", Error);
}

}  // namespace
}  // namespace medusa::nn

#include "nn/optim.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/linear.h"
#include "tensor/isa.h"
#include "tests/op_case.h"

namespace medusa::test {

namespace {

using nn::Init;
using nn::Layout;
using nn::Optimizer;
using nn::OptimizerOptions;
using nn::Parameter;

Parameter parameter(const std::string& name, const Tensor& value) {
  return {name, Var(value, true), Layout::Plain, Init{}};
}

// The gradient of element i at step s.
real gradient(std::int64_t i, int s) { return static_cast<real>(((5 * i + 3 * s) % 9 - 4) / 8.0); }

Tensor gradients(std::int64_t n, int s) {
  std::vector<real> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(gradient(i, s));
  return Tensor::from(values, {n});
}

Tensor start(std::int64_t n) {
  std::vector<real> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(static_cast<real>((3 * i % 7 - 3) / 4.0));
  return Tensor::from(values, {n});
}

struct Row {
  const char* name;
  double momentum;
  bool nesterov;
  double weight_decay, grad_scale;
  std::vector<double> want;
};

}  // namespace

TEST_CASE("optimisers agree with PyTorch") {
  // Parameters after four steps with rates 0.1, 0.1/2, 0.1/3, 0.1/4; torch 1.13 in double, gradients times grad_scale.
  const std::vector<Row> rows = {
      // clang-format off
      {"sgd", 0, false, 0, 1, {-0.689583333333, -0.0322916666667, 0.784375, -0.252083333333, 0.508333333333, -0.528125, 0.269791666667, -0.804166666667, -0.00625, 0.810416666667, -0.282291666667}},
      {"sgd", 0, false, 0.1, 1, {-0.674622762812, -0.0320319265625, 0.7684854675, -0.246797499063, 0.49779755125, -0.517485415312, 0.264515885, -0.788173331562, -0.00617203125, 0.794345362813, -0.2768599475}},
      {"sgd", 0.9, false, 0.1, 0.5, {-0.669847556562, -0.0312858695313, 0.751844033906, -0.2389836725, 0.488024902812, -0.502802803594, 0.255565146719, -0.766621934687, -0.008253984375, 0.774875919062, -0.272073115469}},
      {"sgd", 0.9, true, 0.1, 1, {-0.556866348089, -0.0877233214208, 0.795989093191, -0.235019327901, 0.49248198093, -0.538526440163, 0.282667681168, -0.842033552424, -0.0208394310938, 0.862872983518, -0.324346543355}},
      {"adam", 0, false, 0, 1, {-0.584354278097, -0.165246574285, 0.887598828783, -0.315856348101, 0.595304623377, -0.603727147735, 0.357178738464, -0.889474556944, -0.0347755016611, 0.915645721903, -0.415246574285}},
      {"adam", 0, false, 0.1, 0.5, {-0.568136661686, -0.162114747756, 0.830616274797, -0.301198967774, 0.552729692611, -0.57019782577, 0.336083817088, -0.842209497005, -0.0341296371155, 0.875097321523, -0.401114734793}},
      {"adamw", 0, false, 0.1, 1, {-0.570184719224, -0.163881403943, 0.870815305308, -0.30974604683, 0.583841618117, -0.592322321449, 0.350998828335, -0.872773092522, -0.0345625370059, 0.898783406401, -0.40870942488}},
      // clang-format on
  };
  const Isa before = isa();
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    for (const Row& row : rows) {
      OptimizerOptions options;
      options.name = row.name;
      options.momentum = row.momentum;
      options.nesterov = row.nesterov;
      options.weight_decay = row.weight_decay;
      Parameter p = parameter("p", start(11));
      const auto optimizer = nn::make_optimizer(options, {p});
      for (int s = 0; s < 4; ++s) {
        p.var.set_grad(gradients(11, s));
        optimizer->step(0.1 / (s + 1), row.grad_scale);
      }
      for (std::int64_t i = 0; i < 11; ++i)
        CHECK_MESSAGE(
            std::fabs(p.var.value().at(i) - row.want[static_cast<std::size_t>(i)]) < (sizeof(real) == 8 ? 1e-11 : 5e-7),
            row.name << " momentum " << row.momentum << " decay " << row.weight_decay << " element " << i);
    }
  }
  set_isa(before);
}

TEST_CASE("optimisers: state goes on bit for bit") {
  for (const char* name : {"sgd", "adam", "adamw"}) {
    OptimizerOptions options;
    options.name = name;
    options.momentum = 0.9;
    options.weight_decay = 0.01;
    Parameter a = parameter("layer.weight", start(1001)), b = parameter("layer.bias", start(3));
    const auto one = nn::make_optimizer(options, {a, b});
    auto step = [](Optimizer& optimizer, int s) {
      for (const Parameter& p : optimizer.parameters()) Parameter(p).var.set_grad(gradients(p.var.value().numel(), s));
      optimizer.step(0.01);
    };
    for (int s = 0; s < 3; ++s) step(*one, s);

    std::map<std::string, Tensor> saved;
    for (const auto& [key, tensor] : one->state()) saved[key] = tensor.clone();
    CHECK(saved.count(std::string("layer.weight.") + (options.name == "sgd" ? "momentum" : "m")) == 1);
    Parameter c = parameter("layer.weight", a.var.value().clone()), d = parameter("layer.bias", b.var.value().clone());
    const auto two = nn::make_optimizer(options, {c, d});
    two->set_state(saved, one->steps());
    CHECK(two->steps() == 3);
    for (int s = 3; s < 6; ++s) step(*one, s), step(*two, s);
    CHECK(same_bits(a.var.value(), c.var.value()));
    CHECK(same_bits(b.var.value(), d.var.value()));
    CHECK(one->state().size() == two->state().size());
    for (const auto& [key, tensor] : one->state()) CHECK(same_bits(tensor, two->state().at(key)));
  }
}

TEST_CASE("optimisers: parameters without a gradient stay; zero_grad") {
  Parameter a = parameter("a", start(5)), b = parameter("b", start(5));
  const auto optimizer = nn::make_optimizer({}, {a, b});
  a.var.set_grad(gradients(5, 0));
  optimizer->step(0.1);
  CHECK(same_bits(b.var.value(), start(5)));
  CHECK_FALSE(same_bits(a.var.value(), start(5)));
  CHECK(optimizer->state().size() == 4);
  optimizer->zero_grad();
  CHECK_FALSE(a.var.grad());
}

TEST_CASE("optimisers: by their own names, of a whole module") {
  const auto same_as = [](const std::string& name, nn::Optimizer& own, nn::Linear& net, nn::Linear& other) {
    OptimizerOptions options;
    options.name = name;
    options.weight_decay = 0.1;
    const auto made = nn::make_optimizer(options, other.parameters());
    for (int s = 0; s < 2; ++s) {
      for (nn::Linear* module : {&net, &other})
        for (Parameter& p : module->parameters()) p.var.set_grad(Tensor::full(p.var.shape(), real(0.5)));
      own.step(0.01);
      made->step(0.01);
    }
    CHECK_MESSAGE(same_bits(net.parameters()[0].var.value(), other.parameters()[0].var.value()), name);
  };
  nn::Linear net(3, 2), other(3, 2);
  net.initialize(1);
  other.initialize(1);
  nn::Sgd sgd(net, {.weight_decay = 0.1});
  same_as("sgd", sgd, net, other);
  nn::Adam adam(net, {.weight_decay = 0.1});
  same_as("adam", adam, net, other);
  nn::AdamW adamw(net.parameters(), {.weight_decay = 0.1});
  same_as("adamw", adamw, net, other);
  CHECK_THROWS_WITH_AS(nn::Adam(net, {.eps = -1}), "optimizer: eps -1: expected 0 or more", InputError);
}

TEST_CASE("gradient norm and clipping") {
  Parameter a = parameter("a", start(2)), b = parameter("b", start(1)), none = parameter("c", start(4));
  CHECK(nn::grad_norm({a, b, none}) == 0);
  a.var.set_grad(Tensor::from({3, 0}, {2}));
  b.var.set_grad(Tensor::from({4}, {1}));
  CHECK(nn::grad_norm({a, b, none}) == doctest::Approx(5));
  CHECK(nn::clip_factor(5, 1) == doctest::Approx(0.2));
  CHECK(nn::clip_factor(0.5, 1) == 1);
}

TEST_CASE("optimisers: errors say what was expected") {
  Parameter p = parameter("p", start(3));
  OptimizerOptions options;
  options.name = "lion";
  CHECK_THROWS_WITH_AS(nn::make_optimizer(options, {p}), "optimizer: optimizer lion: expected one of sgd, adam, adamw",
                       InputError);
  options.name = "sgd";
  options.nesterov = true;
  CHECK_THROWS_WITH_AS(nn::make_optimizer(options, {p}), "optimizer: nesterov needs a momentum above 0", InputError);
  options = {};
  options.beta2 = 1;
  CHECK_THROWS_WITH_AS(nn::make_optimizer(options, {p}), "optimizer: beta2 1: expected 0 or more, below 1", InputError);
  options = {};
  options.weight_decay = -1;
  CHECK_THROWS_WITH_AS(nn::make_optimizer(options, {p}), "optimizer: weight-decay -1: expected 0 or more", InputError);

  const auto adam = nn::make_optimizer({}, {p});
  CHECK_NOTHROW(adam->set_state({}, 0));
  CHECK_THROWS_WITH_AS(adam->set_state({}, 1), "optimizer state: 'p.m' is missing", InputError);
  CHECK_THROWS_WITH_AS(adam->set_state({{"p.m", start(3)}, {"p.v", start(4)}}, 1),
                       "optimizer state: 'p.v' has shape [4], the parameter [3]", InputError);
  CHECK_THROWS_WITH_AS(adam->set_state({{"p.m", start(3)}, {"p.v", start(3)}, {"q.m", start(3)}}, 1),
                       "optimizer state: unexpected 'q.m' (from another model or optimizer?)", InputError);
  CHECK_THROWS_WITH_AS(adam->set_state({}, -1), "optimizer state: -1 steps, expected 0 or more", InputError);
  CHECK(adam->steps() == 0);
  CHECK(adam->state().empty());
}

}  // namespace medusa::test

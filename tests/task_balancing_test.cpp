// The balanced backward pass on a network of three numbers, where every gradient is known by hand.
#include "mtl/balancing/task_balancing.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "autograd/ops.h"
#include "mtl/networks/hps.h"
#include "mtl/networks/stl.h"
#include "tensor/random.h"

using namespace medusa;
using namespace medusa::mtl;
using doctest::Approx;

namespace {

std::vector<Task> two_tasks() {
  Task a, b;
  a.name = "a";
  b.name = "b";
  a.kind = b.kind = TaskKind::Binary;
  return {a, b};
}

ModelConfig two_task_config() {
  ModelConfig config;
  config.tasks = two_tasks();
  return config;
}

struct Weight : nn::Module {
  explicit Weight(const Shape& shape) { param("w", shape, nn::Init::constant(1)); }
  Var w() const { return parameters().front().var; }
};

// Two shared numbers encoder.w, and one number heads.<task>.w for each task.
struct Tiny : Model {
  Weight& encoder;
  PerTask<Weight>& heads;
  Tiny() : Model(two_task_config()), encoder(add<Weight>("encoder", Shape{2})), heads(per_task<Weight>("heads")) {
    for (std::size_t t = 0; t < tasks().size(); ++t) heads.put(t, Shape{1});
    initialize(0);
  }
  std::vector<Var> outputs(const Var&) override { return {}; }

  // A loss of the given value, with gradient g by encoder.w and `own` by the task's own number.
  Var loss(const std::string& task, std::vector<real> g, real own, real value = 1) {
    const Var shared = weighted_sum(encoder.w(), Tensor::from(g, {2}));
    const Var rest = weighted_sum(heads[task == "a" ? 0 : 1].w(), Tensor::from({own}, {1}));
    const Var sum = shared + rest;
    return sum + (value - sum.item());
  }
  double grad(const std::string& name, int i = 0) const {
    for (const nn::Parameter& p : parameters())
      if (p.name == name) return p.var.grad() ? static_cast<double>(p.var.grad().at(i)) : 0;
    FAIL("no parameter is named ", name);
    return 0;
  }
  void clear() {
    for (nn::Parameter& p : parameters()) p.var.zero_grad();
  }
};

BalanceOptions method(const std::string& name) {
  BalanceOptions options;
  options.name = name;
  if (name == "fixed") options.own["task-weights"] = Vector{2, 3};
  return options;
}

// |sum_t a_t g_t| by encoder.w must be what the weights say; returned for both numbers.
struct Result {
  BalancedStep step;
  double x, y, own_a, own_b;
};
Result balance(const std::string& name, std::vector<real> g1, std::vector<real> g2, bool measure = true,
               int steps = 1) {
  Tiny net;
  TaskBalancing balancing(net, method(name));
  Result r;
  for (int step = 0; step < steps; ++step) {
    net.clear();
    r.step = balancing.backward({net.loss("a", g1, 5), net.loss("b", g2, 7)}, step, 0.01, measure);
  }
  r.x = net.grad("encoder.w", 0);
  r.y = net.grad("encoder.w", 1);
  r.own_a = net.grad("heads.a.w");
  r.own_b = net.grad("heads.b.w");
  return r;
}

}  // namespace

// Names that are also those of a level of Refine, of the encoder, of a part: whose a parameter is must not follow them.
TEST_CASE("task balancing: whose a parameter is does not depend on what the tasks are called") {
  struct Row {
    const char* arch;
    std::size_t shared, own;  // own: of each task.  An encoder has 30, a head 4, Refine 9, two masks 12.
  };
  for (const Row& row : {Row{"stl", 0, 34}, Row{"hps", 30, 4}, Row{"mtan", 39, 16}, Row{"ctan", 39, 16},
                         Row{"crossstitch", 62, 4}, Row{"mmoe", 62, 6}, Row{"cgc", 32, 38}}) {
    ModelConfig config = two_task_config();
    config.arch = row.arch;
    config.widths = {2, 4};
    std::vector<real> values[2];
    Vector gram[2];
    for (int names = 0; names < 2; ++names) {
      config.tasks[0].name = names == 0 ? "a" : "0";
      config.tasks[1].name = names == 0 ? "b" : "encoder";
      CAPTURE(row.arch);
      CAPTURE(config.tasks[0].name);
      const auto net = make_model(config, 1);
      std::map<int, std::size_t> count;
      Random random(5);
      for (nn::Parameter& p : net->parameters()) {
        ++count[p.owner];
        for (std::int64_t i = 0; i < p.var.value().numel(); ++i)
          p.var.value().mutable_data()[i] = static_cast<real>(random.normal());
      }
      CHECK(count[nn::kNoOwner] == row.shared);
      CHECK(count[0] == row.own);
      CHECK(count[1] == row.own);
      for (const nn::Buffer& b : net->buffers()) CHECK(b.owner >= nn::kNoOwner);
      TaskBalancing balancing(*net, method("pcgrad"));
      CHECK(balancing.shares() == (row.shared > 0));
      Tensor x = Tensor::empty({2, 4, 4, 3});
      for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = static_cast<real>(random.normal());
      const std::vector<Var> y = net->outputs(Var(x));
      gram[names] = balancing.backward({sum(y[0] * y[0]), sum(y[1])}, 0, 0.01, true).gram;
      for (const nn::Parameter& p : net->parameters())
        for (real v : p.var.grad() ? p.var.grad().to_vector() : std::vector<real>()) values[names].push_back(v);
    }
    CHECK(gram[0] == gram[1]);
    CHECK(values[0] == values[1]);
  }
}

TEST_CASE("task balancing: what lies in a task's part is that task's, later additions too; all else is shared") {
  struct Part : nn::Module {
    Part() { param("w", {1}, nn::Init::constant(1)); }
    void grow() {
      add<Part>("deeper");
      buffer("b", Tensor::zeros({1}));
    }
  };
  struct Net : Model {
    PerTask<Part>& parts;
    Net() : Model(two_task_config()), parts(per_task<Part>("parts")) {
      parts.put(1).grow();
      add<nn::ModuleList<Part>>("list").push();
      param("scale", {1}, nn::Init::constant(1));
    }
    std::vector<Var> outputs(const Var&) override { return {}; }
  } net;
  std::map<std::string, int> owner;
  for (const nn::Parameter& p : net.parameters()) owner[p.name] = p.owner;
  CHECK(owner ==
        std::map<std::string, int>{{"scale", -1}, {"parts.b.w", 1}, {"parts.b.deeper.w", 1}, {"list.0.w", -1}});
  CHECK(net.buffers().at(0).owner == 1);
  CHECK(net.groups().size() == 1);
  CHECK(net.parts.find(0) == nullptr);
  CHECK_THROWS_WITH_AS(net.parts[0], "per task: task 'a' has no module here", Error);
  CHECK_THROWS_WITH_AS(net.parts.put(2), "per task: task 2 of 2", Error);
  CHECK_THROWS_WITH_AS(net.parts.put(1), "module: the name 'b' is taken", Error);
  CHECK_THROWS_WITH_AS(net.set_owner(-1), "module: owner -1: expected 0 or more", Error);
  net.set_owner(2);
  CHECK_THROWS_WITH_AS(net.groups(), "model: parameter 'scale' belongs to task 2 of 2", Error);
}

TEST_CASE("task balancing: each method's step by hand, for g_a = (1, 0) and g_b = (-1, 1)") {
  const double uw = 0.5 * std::exp(0.5);  // s starts at -0.5
  const double nash = 1 / std::sqrt(1 - std::sqrt(0.5));
  struct Row {
    const char* name;
    double x, y, own_a, own_b;  // the step on the shared part; on the tasks' own parts, whose gradients are 5 and 7
  };
  for (const Row& row :
       {Row{"equal", 0, 1, 5, 7}, Row{"fixed", -1, 3, 10, 21}, Row{"dwa", 0, 1, 5, 7}, Row{"uw", 0, uw, 5 * uw, 7 * uw},
        Row{"famo", 0, 0.5, 2.5, 3.5}, Row{"pcgrad", 0.5, 1.5, 5, 7},  // h_a = g_a + g_b / 2, h_b = g_b + g_a
        Row{"nashmtl", nash * (1 - std::sqrt(0.5)), nash * std::sqrt(0.5), 5, 7}}) {
    const Result r = balance(row.name, {1, 0}, {-1, 1});
    CHECK_MESSAGE(r.x == Approx(row.x).epsilon(1e-5), row.name);
    CHECK_MESSAGE(r.y == Approx(row.y).epsilon(1e-5), row.name);
    CHECK_MESSAGE(r.own_a == Approx(row.own_a), row.name);
    CHECK_MESSAGE(r.own_b == Approx(row.own_b), row.name);
  }
  // IMTL: a_1 + a_2 = 2 and equal projections on (1, 0) and (-1, 1)/sqrt 2.
  const Result imtl = balance("imtl", {1, 0}, {-1, 1});
  CHECK(imtl.x == Approx((imtl.y - imtl.x) / std::sqrt(2)).epsilon(1e-5));
  CHECK(imtl.step.weights[0] + imtl.step.weights[1] == Approx(2));
  // GradNorm weighs the tasks' own parts too.  Norms 1 and sqrt 2, equal ratios: the first gains, the second loses; the
  // first step of Adam is the rate itself, and the second step of the network has the weights that it gave.
  const Result gradnorm = balance("gradnorm", {1, 0}, {-1, 1}, true, 2);
  const double wa = 1 + 0.025, wb = 1 - 0.025;  // their sum is 2
  CHECK(gradnorm.own_a == Approx(5 * wa).epsilon(1e-5));
  CHECK(gradnorm.own_b == Approx(7 * wb).epsilon(1e-5));
  CHECK(gradnorm.y == Approx(wb).epsilon(1e-5));
}

TEST_CASE("task balancing: every method measures the same Gram matrix, and measuring changes no gradient") {
  for (const std::string& name : balancing_methods()) {
    const Result seen = balance(name, {1, 0}, {-1, 1}, true), unseen = balance(name, {1, 0}, {-1, 1}, false);
    CHECK_MESSAGE((seen.step.gram == Vector{1, -1, -1, 2}), name);
    CHECK_MESSAGE(seen.x == unseen.x, name);
    CHECK_MESSAGE(seen.y == unseen.y, name);
    CHECK_MESSAGE(seen.step.weights == unseen.step.weights, name);
  }
}

TEST_CASE("task balancing: opposite, zero and tiny gradients leave every method finite") {
  const std::vector<std::vector<std::vector<real>>> cases{{{2, 0}, {-1, 0}},     {{0, 0}, {1, 2}},
                                                          {{1, 2}, {0, 0}},      {{0, 0}, {0, 0}},
                                                          {{1e-20f, 0}, {0, 1}}, {{1e-20f, 0}, {-1e-20f, 0}}};
  for (const auto& g : cases)
    for (const std::string& name : balancing_methods()) {
      const Result r = balance(name, g[0], g[1]);
      for (double value : {r.x, r.y, r.own_a, r.own_b}) CHECK_MESSAGE(std::isfinite(value), name);
      if (name == "equal") CHECK(r.own_a == 5);
    }
  CHECK(std::fabs(balance("nashmtl", {2, 0}, {-1, 0}).x) < 1e-4);  // cos = -1: nothing to bargain for
}

TEST_CASE("task balancing: PCGrad and Nash-MTL never leave a conflict that the plain sum does not have") {
  Random random(3);
  for (int k = 0; k < 200; ++k) {
    std::vector<real> g[2];
    for (auto& v : g)
      for (int i = 0; i < 2; ++i) v.push_back(static_cast<real>(random.normal() * (k % 5 == 0 ? 10 : 1)));
    const double plain_x = g[0][0] + g[1][0], plain_y = g[0][1] + g[1][1];
    for (const char* name : {"pcgrad", "nashmtl"}) {
      const Result r = balance(name, g[0], g[1]);
      for (const auto& v : g) {
        const double size = std::hypot(v[0], v[1]) * std::hypot(r.x, r.y);
        CHECK_MESSAGE(r.x * v[0] + r.y * v[1] >= std::min(0.0, plain_x * v[0] + plain_y * v[1]) - 1e-5 * size, name);
        CHECK_MESSAGE(r.x * v[0] + r.y * v[1] >= -1e-5 * size, name);
      }
    }
  }
}

TEST_CASE("task balancing: a batch without labels of a task neither moves its part nor the method's view of it") {
  for (const std::string& name : balancing_methods()) {
    Tiny net;
    TaskBalancing balancing(net, method(name));
    for (int step = 0; step < 4; ++step) {
      net.clear();
      const bool both = step % 2 == 1;  // the first batch lacks b
      const BalancedStep done =
          balancing.backward({net.loss("a", {1, 0}, 5), both ? net.loss("b", {-1, 1}, 7) : Var()}, step, 0.01, true);
      CHECK_MESSAGE(std::isfinite(done.weights[0]), name);
      CHECK_MESSAGE(std::isnan(done.weights[1]) == !both, name);
      CHECK_MESSAGE(std::isfinite(net.grad("encoder.w", 0)), name);
      if (both) continue;
      CHECK_MESSAGE(net.grad("heads.b.w") == 0, name);
      CHECK_MESSAGE(net.grad("encoder.w", 0) == Approx(done.weights[0]), name);
      CHECK_MESSAGE(net.grad("encoder.w", 1) == 0, name);
    }
    for (const auto& entry : balancing.state())
      for (double value : entry.second) CHECK_MESSAGE(std::isfinite(value), name << ": " << entry.first);
  }
}

TEST_CASE("task balancing: what shares nothing is trained with the plain sum of losses") {
  ModelConfig config = two_task_config();
  config.widths = {2, 4};
  config.arch = "stl";
  const auto stl = make_model(config);
  for (const std::string& name : balancing_methods()) {
    TaskBalancing balancing(*stl, method(name));
    CHECK(!balancing.shares());
    CHECK(!balancing.measures_every_step());
  }
  config.arch = "hps";
  config.tasks.pop_back();
  const auto one = make_model(config);
  CHECK(!TaskBalancing(*one, method("pcgrad")).shares());
}

// The ensemble: means of probabilities and amounts by plain loops, flips by hand, and far logits.
#include "mtl/inference/ensemble.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "mtl/inference/padding.h"
#include "mtl/inference/sliding_window.h"
#include "tests/data_fixture.h"
#include "tests/net_by_hand.h"

using namespace medusa;
using namespace medusa::mtl;
using namespace medusa::test;

namespace {

Task task(const char* name, TaskKind kind, std::int64_t channels) {
  Task t;
  t.name = name;
  t.kind = kind;
  t.channels = channels;
  return t;
}

// A task of every kind, or the pixel-level ones alone.
ModelConfig config_of(int spatial_dims, bool images = true) {
  ModelConfig config;
  config.spatial_dims = spatial_dims;
  config.widths = {3, 4};
  config.tasks = {task("organs", TaskKind::Structures, 4), task("tissue", TaskKind::Segmentation, 3),
                  task("lesion", TaskKind::Segmentation, 1), task("dose", TaskKind::Regression, 2)};
  if (images)
    for (const Task& t : {task("grade", TaskKind::Classification, 4), task("signs", TaskKind::Binary, 2),
                          task("age", TaskKind::Scalar, 1)})
      config.tasks.push_back(t);
  return config;
}

std::unique_ptr<Model> network(const ModelConfig& config, std::uint64_t stream) {
  auto model = make_model(config, stream);
  randomize(*model, 100 * stream);
  model->eval();
  return model;
}

// The same again: an ensemble takes its members.
std::vector<std::unique_ptr<Model>> networks(const ModelConfig& config, std::initializer_list<std::uint64_t> streams) {
  std::vector<std::unique_ptr<Model>> all;
  for (std::uint64_t stream : streams) all.push_back(network(config, stream));
  return all;
}

// Sides that are no multiples of what the networks need.
Tensor image(int spatial_dims) { return draw(normal(spatial_dims == 2 ? Shape{2, 5, 7, 3} : Shape{2, 3, 5, 7, 3}), 9); }

Tensor reversed(const Tensor& x, int axis) {
  std::int64_t inner = 1;
  for (int a = axis + 2; a < x.rank(); ++a) inner *= x.size(a);
  Tensor out = Tensor::empty(x.shape());
  for (std::int64_t i = 0, side = x.size(axis + 1); i < x.numel(); ++i)
    out.mutable_data()[i + (side - 1 - 2 * (i / inner % side)) * inner] = x.at(i);
  return out;
}

Tensor exchanged(const Tensor& x, std::int64_t a, std::int64_t b) {
  Tensor out = Tensor::empty(x.shape());
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::int64_t c = i % x.size(-1);
    out.mutable_data()[i - c + (c == a ? b : c == b ? a : c)] = x.at(i);
  }
  return out;
}

// What an answer says: probabilities, or amounts.
std::vector<double> meant(const Task& t, const Tensor& raw) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < raw.numel(); ++i) {
    const double z = static_cast<double>(raw.at(i));
    const std::int64_t channels = raw.size(-1), row = i - i % channels;
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += std::exp(static_cast<double>(raw.at(row + c)));
    const bool exclusive = t.kind == TaskKind::Classification || (t.kind == TaskKind::Segmentation && channels > 1);
    all.push_back(t.traits().in_units ? z : exclusive ? std::exp(z) / sum : 1 / (1 + std::exp(-z)));
  }
  return all;
}

// The largest difference; of amounts beyond 1, relative to them.
double worst(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::fmax(most, std::fabs(a[i] - b[i]) / std::fmax(1, std::fabs(a[i])));
  return most;
}

constexpr double kTolerance = sizeof(real) == 4 ? 2e-6 : 1e-12;

// A network whose answers are given.
class Fixed : public Model {
 public:
  Fixed(ModelConfig config, std::vector<Tensor> answers) : Model(std::move(config)), answers_(std::move(answers)) {}
  std::vector<Var> outputs(const Var&) override { return {answers_.begin(), answers_.end()}; }

 private:
  std::vector<Tensor> answers_;
};

// The ensemble's answers about a picture of eight pixels, from those of its members.
std::vector<real> mean_of(const Task& t, const std::vector<std::vector<real>>& answers) {
  ModelConfig config;
  config.tasks = {t};
  std::vector<std::unique_ptr<Model>> members;
  for (const std::vector<real>& answer : answers)
    members.push_back(
        std::make_unique<Fixed>(config, std::vector<Tensor>{Tensor::from(answer, {1, 8, 1, t.channels})}));
  Ensemble ensemble(std::move(members));
  return ensemble.outputs(Var(Tensor::zeros({1, 8, 1, 3})))[0].value().to_vector();
}

}  // namespace

TEST_CASE("ensemble: a single member without flips is passed through, bit for bit") {
  for (int dims : {2, 3}) {
    const ModelConfig config = config_of(dims);
    const Var x(image(dims));
    const NoGrad no_grad;
    Ensemble ensemble(networks(config, {1}));
    check_same(outputs_any_size(ensemble, x), outputs_any_size(*network(config, 1), x));
    CHECK(ensemble.tasks().size() == 7);
    CHECK(ensemble.parameter_count() == network(config, 1)->parameter_count());
  }
}

TEST_CASE("ensemble: the mean of members is that of their probabilities and amounts") {
  for (int dims : {2, 3}) {
    const ModelConfig config = config_of(dims);
    ModelConfig wider = config;  // another architecture, and other sides that it needs
    wider.arch = "stl";
    wider.widths = {3, 4, 5};
    const Var x(image(dims));
    const NoGrad no_grad;
    auto members = networks(config, {1, 2});
    members.push_back(network(wider, 3));
    Ensemble ensemble(std::move(members));
    const std::vector<Var> found = outputs_any_size(ensemble, x);
    const std::vector<Var> a = outputs_any_size(*network(config, 1), x), b = outputs_any_size(*network(config, 2), x),
                           c = outputs_any_size(*network(wider, 3), x);
    for (std::size_t t = 0; t < found.size(); ++t) {
      const Task& task = config.tasks[t];
      CAPTURE(task.name);
      std::vector<double> want = meant(task, a[t].value());
      const std::vector<double> second = meant(task, b[t].value()), third = meant(task, c[t].value());
      CHECK(worst(want, second) > 1e-3);  // they do not agree anyway
      for (std::size_t i = 0; i < want.size(); ++i) want[i] = (want[i] + second[i] + third[i]) / 3;
      CHECK(worst(meant(task, found[t].value()), want) < kTolerance);
    }
  }
}

TEST_CASE("ensemble: the mean over flips is that of answers flipped back, sides exchanged") {
  for (int dims : {2, 3}) {
    const ModelConfig config = config_of(dims);
    const Tensor x = image(dims);
    const NoGrad no_grad;
    Flips flips;
    flips.axes = {dims - 1, 0};
    flips.left_right = dims - 1;
    flips.inputs = {{0, 2}};
    flips.outputs = {{{1, 2}}, {{0, 1}}};
    Ensemble ensemble(networks(config, {1, 2}), flips);
    const std::vector<Var> found = outputs_any_size(ensemble, Var(x));
    std::vector<std::vector<double>> sum(config.tasks.size());
    const auto networks_here = networks(config, {1, 2});
    for (const auto& net : networks_here)
      for (bool sideways : {false, true})
        for (bool upside_down : {false, true}) {
          Tensor seen = sideways ? exchanged(reversed(x, dims - 1), 0, 2) : x;
          if (upside_down) seen = reversed(seen, 0);
          const std::vector<Var> raw = outputs_any_size(*net, Var(seen));
          for (std::size_t t = 0; t < sum.size(); ++t) {
            Tensor y = raw[t].value();
            if (config.tasks[t].traits().pixel_level) {
              if (upside_down) y = reversed(y, 0);
              if (sideways) y = reversed(y, dims - 1);
              if (sideways && t < 2) y = t == 0 ? exchanged(y, 1, 2) : exchanged(y, 0, 1);
            }
            const std::vector<double> one = meant(config.tasks[t], y);
            if (sum[t].empty()) sum[t] = std::vector<double>(one.size(), 0);
            if (sideways) CHECK(worst(one, meant(config.tasks[t], found[t].value())) > 1e-4);  // no symmetric networks
            for (std::size_t i = 0; i < one.size(); ++i) sum[t][i] += one[i] / 8;
          }
        }
    for (std::size_t t = 0; t < sum.size(); ++t) {
      CAPTURE(config.tasks[t].name);
      CHECK(worst(meant(config.tasks[t], found[t].value()), sum[t]) < kTolerance);
    }
  }
}

TEST_CASE("ensemble: windows slide over it as over a network") {
  const ModelConfig config = config_of(3, false);
  Ensemble ensemble(networks(config, {1, 2}), {{2}, 2, {}, {}});
  const Tensor x = image(3);
  const NoGrad no_grad;
  const std::vector<Var> whole = outputs_any_size(ensemble, Var(x));
  const std::vector<Tensor> one = sliding_outputs(ensemble, x, {datasets::Extent(3, 5, 7)}),
                            many = sliding_outputs(ensemble, x, {datasets::Extent(2, 4, 4)});
  for (std::size_t t = 0; t < whole.size(); ++t) {
    CHECK(distance(one[t], whole[t].value()) < 1e-4);
    CHECK(many[t].shape() == whole[t].value().shape());
    CHECK(distance(many[t], whole[t].value()) > 1e-3);
  }
}

TEST_CASE("ensemble: what flips do, they undo") {
  const Tensor x = draw(normal({2, 3, 4, 5, 6}), 3);
  CHECK(flipped(x, {0, 2}, {}).to_vector() == reversed(reversed(x, 0), 2).to_vector());
  const Flips::Pairs pairs{{0, 5}, {2, 1}};
  const Tensor once = flipped(x, {1}, pairs);
  CHECK(once.to_vector() == exchanged(exchanged(reversed(x, 1), 0, 5), 1, 2).to_vector());
  CHECK(flipped(once, {1}, pairs).to_vector() == x.to_vector());
}

TEST_CASE("ensemble: far logits stay finite and right") {
  const Task one = task("lesion", TaskKind::Segmentation, 1), three = task("tissue", TaskKind::Segmentation, 3);
  const auto all = [](real v) { return std::vector<real>(8, v); };
  // 1 - p of 50 is lost in a float, and of 800 in a double.
  CHECK(mean_of(one, {all(50), all(60)})[0] == doctest::Approx(50 + std::log(2 / (1 + std::exp(-10)))));
  CHECK(mean_of(one, {all(-50), all(-60)})[3] == doctest::Approx(-50 - std::log(2 / (1 + std::exp(-10)))));
  CHECK(mean_of(one, {all(30), all(-30)})[0] == doctest::Approx(0));
  CHECK(mean_of(one, {all(100), all(0)})[0] == doctest::Approx(std::log(3)));
  CHECK(mean_of(one, {all(20000), all(20000)})[0] == doctest::Approx(700));
  CHECK(mean_of(one, {all(-20000), all(-800)})[0] == doctest::Approx(-700));
  std::vector<real> far(24, 0);
  for (std::size_t i = 0; i < 24; i += 3) far[i] = 20000;
  const std::vector<real> same = mean_of(three, {far, far}),
                          half = mean_of(three, {far, std::vector<real>(24, -20000)});
  CHECK(same[0] == doctest::Approx(0));
  CHECK(same[1] == doctest::Approx(-700));
  CHECK(half[0] == doctest::Approx(std::log(2.0 / 3)));
  CHECK(half[2] == doctest::Approx(std::log(1.0 / 6)));
  // Nobody shall think that such a network answered.
  const real infinite = std::numeric_limits<real>::infinity();
  for (real v : {infinite, -infinite, std::numeric_limits<real>::quiet_NaN()}) {
    CHECK(std::isnan(mean_of(one, {all(1), all(v)})[0]));
    far[1] = v;
    CHECK(std::isnan(mean_of(three, {far, far})[1]));
  }
}

TEST_CASE("ensemble: refuses members that are unlike, and flips that do not fit") {
  const ModelConfig config = config_of(2);
  const auto refused = [&](const ModelConfig& other) {
    return input_error([&] {
      auto members = networks(config, {1});
      members.push_back(make_model(other));
      Ensemble(std::move(members));
    });
  };
  CHECK(refused(config).empty());
  ModelConfig other = config;
  other.arch = "stl";
  other.tasks[0].loss = "bce";
  CHECK(refused(other).empty());
  other = config;
  other.in_channels = 1;
  CHECK(refused(other) == "ensemble: member 1 has 1 input channels, expected 3");
  CHECK(refused(config_of(3)) == "ensemble: member 1 takes images of 3 axes, expected 2");
  other = config;
  other.tasks = {config.tasks[2]};
  CHECK(contains(refused(other),
                 "ensemble: member 1 has the tasks lesion (segmentation, 1 channels, scale 1), expected "
                 "organs (structures, 4 channels, scale 1); tissue"));
  other = config;
  other.tasks[3].scale = 70;
  other.tasks[3].unit = "Gy";
  CHECK(contains(refused(other), "dose (regression, 2 channels, scale 70 Gy)"));
  other = config;
  other.tasks[4].classes = {"a", "b", "c", "d"};
  CHECK(contains(refused(other), "grade (classification, 4 channels: a, b, c, d, scale 1)"));
  CHECK(input_error([] { Ensemble({}); }) == "ensemble: has no members");

  const auto flips_refused = [&](const Flips& flips) {
    return input_error([&] { Ensemble(networks(config, {1}), flips); });
  };
  CHECK(flips_refused({{2}}) == "ensemble: flips axis 2, expected different ones from 0 to 1");
  CHECK(flips_refused({{1, 1}}) == "ensemble: flips axis 1, expected different ones from 0 to 1");
  CHECK(flips_refused({{1}, 1, {{0, 3}}}) == "ensemble: exchanges channel 3 of 3, or twice");
  CHECK(flips_refused({{1}, 1, {}, {{{0, 1}, {1, 2}}}}) == "ensemble: exchanges channel 1 of 4, or twice");
}

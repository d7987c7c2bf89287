// Metrics against numbers computed by hand.
#include "mtl/training/metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "mtl/training/evaluate.h"
#include "tests/ramp.h"

using namespace medusa;
using namespace medusa::mtl;
using doctest::Approx;

namespace {

Task task(TaskKind kind, std::int64_t channels) {
  Task t;
  t.name = "t";
  t.kind = kind;
  t.channels = channels;
  return t;
}

// The message of what f throws.
template <class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

// A metric that a program adds: the mean over the images of the extent in mm of what is predicted, along the last axis.
bool kMeasured = false;  // whether it is among the metrics
std::vector<MeterSample> seen;

class Extent : public Meter {
 public:
  using Meter::Meter;
  MetricValues values() const override { return {{"test_extent", sum_ / static_cast<double>(count_)}}; }
  void add(const MeterSample& sample) override {
    seen.push_back(sample);
    const std::int64_t width = sample.shape.back();
    std::int64_t first = width, last = -1;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      if (sample.y[i] <= 0) continue;
      first = std::min(first, i % width);
      last = std::max(last, i % width);
    }
    sum_ += static_cast<double>(last - first + 1) * sample.spacing.back();
    ++count_;
  }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace

TEST_CASE("metrics: a meter gets shape, spacing and case, from the batch and through evaluate") {
  Task t = task(TaskKind::Segmentation, 1);
  const auto outputs = [](std::int64_t depth) {  // positive at x = 1, 2 of 4
    Tensor y = Tensor::full({2, depth, 3, 4, 1}, -1);
    for (std::int64_t i = 0; i < y.numel(); ++i)
      if (i % 4 == 1 || i % 4 == 2) y.mutable_data()[i] = 1;
    return y;
  };
  seen.clear();
  const auto meter = [&] {
    std::vector<std::unique_ptr<Meter>> meters;
    meters.push_back(std::make_unique<Extent>(t));
    return TaskMeter(t, std::move(meters));
  };
  TaskMeter one = meter();
  one.add(outputs(2), Tensor::zeros({2, 2, 3, 4, 1}), {}, {}, {{"p1", "p2"}, {{3, 2, 1.5}, {}}});
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].id == "p1");
  CHECK(seen[0].shape == std::vector<std::int64_t>{2, 3, 4});
  CHECK(seen[0].spacing == std::vector<double>{3, 2, 1.5});
  CHECK(seen[0].in_mm);
  CHECK(seen[1].id == "p2");
  CHECK(seen[1].spacing == std::vector<double>{1, 1, 1});
  CHECK_FALSE(seen[1].in_mm);
  CHECK(one.values().at("test_extent") == Approx((2 * 1.5 + 2) / 2));
  TaskMeter unknown = meter();
  unknown.add(outputs(2), Tensor::zeros({2, 2, 3, 4, 1}));
  CHECK(seen.back().id.empty());
  CHECK(seen.back().spacing == std::vector<double>{1, 1, 1});
  CHECK(message([&] {
          meter().add(outputs(2), Tensor::zeros({2, 2, 3, 4, 1}), {}, {}, {{}, {{1, 1}, {1, 1}}});
        }) == "metrics: task t: output [2, 2, 3, 4, 1] has 3 axes, its spacing 2 numbers");

  // The same of a whole set: evaluate() hands on what the samples say.
  struct OneBatch : BatchSource {
    int left = 0;
    void start_epoch(std::int64_t, std::int64_t) override { left = 1; }
    std::int64_t batches() const override { return 1; }
    std::optional<datasets::Batch> next() override {
      if (left-- == 0) return std::nullopt;
      datasets::Sample a{"a", test::ramp({4, 4, 1}), {{Tensor::zeros({4, 4, 1}), {}}}, {2, 0.5}};
      datasets::Sample b = a;
      b.id = "b";
      b.spacing = {3, 0.25};
      return datasets::stack({a, b});
    }
  } source;
  add_metric({"test_extent", [](const KindTraits& kind) { return kMeasured && kind.pixel_level; }, false, false, false,
              [](const Task& of) -> std::unique_ptr<Meter> { return std::make_unique<Extent>(of); }});
  CHECK(message([] { add_metric(metric("test_extent")); }) == "metrics: the name test_extent is taken");
  ModelConfig config;
  config.in_channels = 1;
  config.widths = {2, 4};
  config.tasks = {t};
  const auto model = make_model(config, 1);
  kMeasured = true;
  seen.clear();
  const Evaluation evaluation = *evaluate(*model, source);
  CHECK(metric_names(t) == std::vector<std::string>{"dice", "iou", "test_extent"});
  kMeasured = false;
  CHECK(evaluation[0].metrics.contains("test_extent"));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].id == "a");
  CHECK(seen[0].spacing == std::vector<double>{2, 0.5});
  CHECK(seen[1].id == "b");
  CHECK(seen[1].spacing == std::vector<double>{3, 0.25});
}

TEST_CASE("metrics: names, directions, primary metrics") {
  CHECK(primary_metric(task(TaskKind::Segmentation, 1)) == "dice");
  CHECK(primary_metric(task(TaskKind::Regression, 1)) == "mae");
  CHECK(primary_metric(task(TaskKind::Classification, 1)) == "balanced_accuracy");
  CHECK(primary_metric(task(TaskKind::Binary, 1)) == "auc");
  CHECK(larger_is_better("dice"));
  CHECK(larger_is_better("auc"));
  CHECK_FALSE(larger_is_better("mae"));
  CHECK(primary_metric(task(TaskKind::Structures, 1)) == "dice");
  CHECK(larger_is_better("dice.Larynx"));
  CHECK(message([] { larger_is_better("speed"); }) == "metrics: unknown metric speed");
}

TEST_CASE("metrics: an empty set defines nothing") {
  for (TaskKind kind : {TaskKind::Segmentation, TaskKind::Regression, TaskKind::Classification, TaskKind::Binary}) {
    const auto meter = make_meter(task(kind, 2));
    const MetricValues values = meter->values();
    for (const std::string& name : metric_names(task(kind, 2))) CHECK(std::isnan(values.at(name)));
    for (const auto& value : values) CHECK(std::isnan(value.second));
    CHECK(meter->samples() == 0);
  }
}

TEST_CASE("metrics: a batch in which nobody has a label adds nothing") {
  const auto meter = make_meter(task(TaskKind::Binary, 1));
  meter->add(Tensor::from({1, -1}, {2, 1}), Tensor::from({1, 0}, {2, 1}));
  meter->add(Tensor::from({-1, 1}, {2, 1}), {}, {}, {false, false});  // as datasets::stack() makes it
  CHECK(meter->samples() == 2);
  CHECK(meter->values().at("auc") == 1);
  CHECK(message([&] {
          meter->add(Tensor::zeros({2, 1}), {}, {}, {false, true});
        }) == "metrics: task t: output [2, 1] does not fit target [0]");
}

TEST_CASE("metrics: dice and iou of one structure are means over images, not over batches") {
  // Image 0: S = {0, 1}, T = {1, 2, 3}: dice 2/5, iou 1/4.  Image 1: nothing there, nothing found: 1.
  // Image 2: nothing there, one pixel found: about 0.  A logit of exactly 0 is outside.
  const Tensor y = Tensor::from({1, 2, 0, -1, -1, -1, -1, -1, 3, -1, -1, -1}, {3, 2, 2, 1});
  const Tensor t = Tensor::from({0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}, {3, 2, 2, 1});
  const auto whole = make_meter(task(TaskKind::Segmentation, 1));
  whole->add(y, t);
  CHECK(whole->values().at("dice") == Approx((0.4 + 1 + 1e-5) / 3).epsilon(1e-5));
  CHECK(whole->values().at("iou") == Approx((0.25 + 1 + 1e-5) / 3).epsilon(1e-5));

  const auto parts = make_meter(task(TaskKind::Segmentation, 1));
  parts->add(Tensor::from({1, 2, 0, -1, -1, -1, -1, -1}, {2, 2, 2, 1}),
             Tensor::from({0, 1, 1, 1, 0, 0, 0, 0}, {2, 2, 2, 1}));
  parts->add(Tensor::from({3, -1, -1, -1}, {1, 2, 2, 1}), Tensor::zeros({1, 2, 2, 1}));
  CHECK(parts->values() == whole->values());
  CHECK(parts->samples() == 3);
}

TEST_CASE("metrics: masks and missing labels") {
  const auto meter = make_meter(task(TaskKind::Segmentation, 1));
  // Inside the mask: S = {0}, T = {0, 1}.
  meter->add(Tensor::from({1, -1, 1, 1}, {1, 4, 1}), Tensor::from({1, 1, 0, 0}, {1, 4, 1}),
             Tensor::from({1, 1, 0, 0}, {1, 4, 1}));
  // An empty mask, and a sample without a label: neither counts.
  meter->add(Tensor::ones({2, 4, 1}), Tensor::zeros({2, 4, 1}), Tensor::zeros({2, 4, 1}), {true, false});
  CHECK(meter->values().at("dice") == Approx(2.0 / 3).epsilon(1e-4));
  CHECK(meter->values().at("iou") == Approx(1.0 / 2).epsilon(1e-4));
  CHECK(meter->samples() == 2);
}

TEST_CASE("metrics: several structures, absent ones are left out") {
  // Classes 0, 1, 2; truth 0 0 1 1, predicted 0 1 1 2: class 0 dice 2/3, iou 1/2; class 1 dice 1/2, iou 1/3; class 2
  // absent.
  const Tensor y = Tensor::from({5, 0, 0, /**/ 0, 5, 0, /**/ 0, 5, 0, /**/ 0, 0, 5}, {1, 4, 1, 3});
  const auto meter = make_meter(task(TaskKind::Segmentation, 3));
  meter->add(y, Tensor::from({0, 0, 1, 1}, {1, 4, 1, 1}));
  CHECK(meter->values().at("dice") == Approx((2.0 / 3 + 0.5) / 2).epsilon(1e-4));
  CHECK(meter->values().at("iou") == Approx((0.5 + 1.0 / 3) / 2).epsilon(1e-4));
  CHECK(message([&] {
          meter->add(y, Tensor::from({0, 0, 3, 1}, {1, 4, 1, 1}));
        }) == "metrics: task t: class 3 is outside 0..2");
}

TEST_CASE("metrics: mae is pooled over all places inside the masks") {
  const auto meter = make_meter(task(TaskKind::Regression, 2));
  meter->add(Tensor::from({1, 2, 3, 4}, {1, 2, 2}), Tensor::from({0, 0, 0, 0}, {1, 2, 2}),
             Tensor::from({1, 0}, {1, 2, 1}));
  meter->add(Tensor::from({1, 1, 1, -5}, {1, 2, 2}), Tensor::from({1, 1, 1, 1}, {1, 2, 2}));
  CHECK(meter->values().at("mae") == Approx((1 + 2 + 0 + 0 + 0 + 6) / 6.0));
}

TEST_CASE("metrics: classification with a class that never occurs") {
  // Four classes; truth 0 0 0 1 2, predicted 0 0 1 1 0; class 3 never occurs.
  const Tensor y = Tensor::from({4, 1, 0, 0,  //
                                 3, 1, 0, 0,  //
                                 1, 2, 0, 0,  //
                                 0, 9, 0, 0,  //
                                 2, 0, 1, 0},
                                {5, 4});
  const auto meter = make_meter(task(TaskKind::Classification, 4));
  meter->add(y, Tensor::from({0, 0, 0, 1, 2}, {5, 1}));
  const MetricValues values = meter->values();
  CHECK(values.at("accuracy") == Approx(3.0 / 5));
  CHECK(values.at("balanced_accuracy") == Approx((2.0 / 3 + 1 + 0) / 3));
  // Class 0: probabilities .922 .802 .225 | .0001 .610: 5 of 6 pairs.  Class 1: .9996 above .046 .108 .610 .083: 1.
  // Class 2: .225-like share of sample 4 is the largest of its column: 1.
  CHECK(values.at("auc") == Approx((5.0 / 6 + 1 + 1) / 3));
}

TEST_CASE("metrics: binary with one and two channels") {
  const auto one = make_meter(task(TaskKind::Binary, 1));
  one->add(Tensor::from({2, -1, 1, -2}, {4, 1}), Tensor::from({1, 1, 0, 0}, {4, 1}));
  CHECK(one->values().at("accuracy") == Approx(0.5));
  CHECK(one->values().at("balanced_accuracy") == Approx(0.5));
  CHECK(one->values().at("auc") == Approx(0.75));
  const auto two = make_meter(task(TaskKind::Binary, 2));  // the second channel has positives only: no AUC of its own
  two->add(Tensor::from({2, 1, -1, 1}, {2, 2}), Tensor::from({0, 1, 1, 1}, {2, 2}));
  CHECK(two->values().at("accuracy") == Approx(0.5));
  CHECK(two->values().at("auc") == Approx(0));
}

TEST_CASE("metrics: auc handles ties exactly") {
  CHECK(auc({1, 1, 1, 1}, {true, false, true, false}) == 0.5);
  CHECK(auc({3, 2, 1, 0}, {true, true, false, false}) == 1);
  CHECK(auc({0, 1, 2, 3}, {true, true, false, false}) == 0);
  // Pairs: (1 > 0), (1 = 1), (2 > 0), (2 > 1): 3.5 of 4.
  CHECK(auc({1, 2, 0, 1}, {true, true, false, false}) == 3.5 / 4);
  CHECK(std::isnan(auc({1, 2}, {true, true})));
  CHECK(std::isnan(auc({}, {})));
  CHECK(message([] { auc({1, 2}, {true}); }) == "auc: 2 scores, but 1 truths");
}

TEST_CASE("metrics: constant scores give a macro AUC of one half") {
  const auto meter = make_meter(task(TaskKind::Classification, 3));
  meter->add(Tensor::zeros({6, 3}), Tensor::from({0, 1, 2, 0, 1, 2}, {6, 1}));
  CHECK(meter->values().at("auc") == 0.5);
}

TEST_CASE("metrics: refuse what does not fit and what is not finite") {
  const auto meter = make_meter(task(TaskKind::Classification, 3));
  CHECK(message([&] {
          meter->add(Tensor::zeros({2, 4}), Tensor::zeros({2, 1}));
        }) == "metrics: task t has 3 channels, its output is [2, 4]");
  CHECK(message([&] {
          meter->add(Tensor::zeros({2, 3}), Tensor::zeros({3, 1}));
        }) == "metrics: task t: output [2, 3] does not fit target [3, 1]");
  CHECK(message([&] {
          meter->add(Tensor::zeros({2, 3}), Tensor::zeros({2, 1}), Tensor::zeros({3}));
        }) == "metrics: task t: output [2, 3] does not fit mask [3]");
  CHECK(message([&] {
          meter->add(Tensor::zeros({2, 3}), Tensor::zeros({2, 1}), {}, {true});
        }) == "metrics: task t: 2 outputs, but 1 entries in labelled");
  const real nan = std::numeric_limits<real>::quiet_NaN();
  CHECK(message([&] {
          meter->add(Tensor::full({2, 3}, nan), Tensor::zeros({2, 1}));
        }) == "metrics: the output of task t is not finite");
}

TEST_CASE("metrics: structures that nobody outlined are left out, neither 0 nor 1") {
  Task t = task(TaskKind::Structures, 3);
  t.classes = {"cord", "larynx"};
  const auto meter = make_meter(t);
  // Image 0: cord found (1), larynx not outlined but predicted, structure 2 half found: S = {0, 1}, T = {0}: 2/3.
  // Image 1: cord missed (0), larynx T = S = {1}: 1; structure 2 not outlined.  Image 2: nothing outlined at all.
  const Tensor y = Tensor::from({1, 1, 1, -1, 1, 1, /**/ -1, -1, 1, -1, 1, -1, /**/ 1, 1, 1, 1, 1, 1}, {3, 1, 2, 3});
  const Tensor target = Tensor::from({1, 0, 1, 0, 0, 0, /**/ 1, 0, 0, 0, 1, 0, /**/ 0, 0, 0, 0, 0, 0}, {3, 1, 2, 3});
  const Tensor outlined = Tensor::from({1, 0, 1, /**/ 1, 1, 0, /**/ 0, 0, 0}, {3, 1, 1, 3});
  meter->add(y, target, outlined);
  const MetricValues v = meter->values();
  CHECK(v.at("dice") == Approx(((1 + 2 / 3.0) / 2 + 0.5) / 2).epsilon(1e-4));
  CHECK(v.at("iou") == Approx(((1 + 0.5) / 2 + 0.5) / 2).epsilon(1e-4));
  CHECK(v.at("dice.cord") == Approx(0.5).epsilon(1e-4));
  CHECK(v.at("dice.larynx") == Approx(1));
  CHECK(v.at("dice.2") == Approx(2 / 3.0).epsilon(1e-4));
  CHECK(names_in_order(t, v) == std::vector<std::string>{"dice", "iou", "dice.cord", "dice.larynx", "dice.2"});
  CHECK(meter->samples() == 3);
  // Without a mask all count.
  const auto all = make_meter(t);
  all->add(y, target);
  CHECK(all->values().at("dice.larynx") == Approx(1 / 3.0).epsilon(1e-4));
  CHECK(message([&] {
          all->add(y, target, Tensor::ones({3, 1, 2, 1}));
        }).find("does not fit mask") != std::string::npos);
}

TEST_CASE("metrics: a regression is told in the task's unit") {
  Task t = task(TaskKind::Regression, 1);
  t.scale = 70;
  const auto meter = make_meter(t);
  meter->add(Tensor::from({1, 0}, {1, 2, 1, 1}), Tensor::from({0.5, 0}, {1, 2, 1, 1}));
  CHECK(meter->values().at("mae") == Approx(17.5));
}

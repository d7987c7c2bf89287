// Metrics that are computed from what was found about each case.
#include <doctest/doctest.h>

#include <cmath>

#include "mtl/training/class_figures.h"
#include "mtl/training/evaluate.h"
#include "mtl/training/metrics.h"

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

const auto same = [](double p) { return p; };

}  // namespace

TEST_CASE("case metrics: the foreground's Dice leaves out the background and counts false positives") {
  Task t = task(TaskKind::Segmentation, 3);
  t.classes = {"background", "liver", "tumour"};
  CHECK(primary_metric(t) == "foreground_dice");
  CHECK(primary_metric(task(TaskKind::Segmentation, 1)) == "dice");
  const auto meter = make_meter(t);
  // Case a: truth 0 0 1 1, predicted 0 1 1 2: liver 2 * 1 / (2 + 2), tumour predicted but absent 0.  Case b: truth and
  // prediction 0 1 1 1: liver 1, tumour absent in both 1.
  const Tensor y = Tensor::from({5, 0, 0, 0, 5, 0, 0, 5, 0, 0, 0, 5,  //
                                 5, 0, 0, 0, 5, 0, 0, 5, 0, 0, 5, 0},
                                {2, 4, 1, 3});
  meter->add(y, Tensor::from({0, 0, 1, 1, 0, 1, 1, 1}, {2, 4, 1, 1}), {}, {}, {{"a", "b"}, {}});
  const MetricValues v = meter->values();
  CHECK(v.at("foreground_dice.liver") == Approx((0.5 + 1) / 2).epsilon(1e-4));
  CHECK(v.at("foreground_dice.tumour") == Approx(0.5).epsilon(1e-4));
  CHECK(v.at("foreground_dice") == Approx((0.25 + 1) / 2).epsilon(1e-4));
  CHECK(v.at("dice") > 0.75);  // with the background, without the tumour that is not there
  CHECK(metric_names(t) == std::vector<std::string>{"foreground_dice", "dice", "iou"});
  // The cases, and the same figures of some of them.
  const CaseTable cases = meter->cases();
  CHECK(cases.ids() == std::vector<std::string>{"a", "b"});
  CHECK(figure_of(t, "foreground_dice", cases)({1, 1, 0}) == Approx((1 + 1 + 0.25) / 3).epsilon(1e-4));
  CHECK(values_of(t, cases).at("foreground_dice") == v.at("foreground_dice"));
}

TEST_CASE("case metrics: surfaces are measured in mm, for each structure, and only when asked for") {
  Task t = task(TaskKind::Structures, 2);
  t.classes = {"cord", "lung"};
  Tensor y = Tensor::full({1, 4, 6, 2}, -1), target = Tensor::zeros({1, 4, 6, 2});
  for (std::int64_t row = 0; row < 4; ++row) {
    y.mutable_data()[(row * 6 + 1) * 2] = 1;       // cord: predicted in column 1, true in column 3
    target.mutable_data()[(row * 6 + 3) * 2] = 1;  // lung: in neither
  }
  TaskMeter quick(t), thorough(t, true);
  for (TaskMeter* meter : {&quick, &thorough}) meter->add(y, target, {}, {}, {{"p"}, {{5, 2.5}}});
  CHECK_FALSE(quick.values().contains("hd95"));
  const MetricValues v = thorough.values();
  CHECK(v.at("hd95.cord") == Approx(5));  // two columns of 2.5 mm
  CHECK(v.at("assd.cord") == Approx(5));
  CHECK(v.at("nsd.cord") == 0);
  CHECK(v.at("volume_error.cord") == 0);
  CHECK(v.at("hd95.lung") == 0);
  CHECK(v.at("nsd.lung") == 1);
  CHECK(std::isnan(v.at("volume_error.lung")));
  CHECK(v.at("hd95") == Approx(2.5));
  Task wide = t;
  wide.judging.tolerance = 5;
  TaskMeter tolerant(wide, true);
  tolerant.add(y, target, {}, {}, {{"p"}, {{5, 2.5}}});
  CHECK(tolerant.values().at("nsd.cord") == 1);
}

TEST_CASE("case metrics: places outside a mask have no surface") {
  const Task t = task(TaskKind::Segmentation, 1);
  Tensor y = Tensor::full({1, 1, 5, 1}, -1), target = Tensor::zeros({1, 1, 5, 1}), mask = Tensor::ones({1, 1, 5, 1});
  y.mutable_data()[0] = y.mutable_data()[4] = 1;
  target.mutable_data()[0] = 1;
  mask.mutable_data()[4] = 0;
  TaskMeter meter(t, true);
  meter.add(y, target, mask);
  CHECK(meter.values().at("hd95") == 0);
  CHECK(meter.values().at("volume_error") == 0);
}

TEST_CASE("case metrics: mae per case beside the pooled one") {
  Task t = task(TaskKind::Regression, 1);
  t.scale = 10;
  TaskMeter meter(t, true);
  meter.add(Tensor::from({1, 1, 1, 1}, {1, 2, 2, 1}), Tensor::zeros({1, 2, 2, 1}));
  meter.add(Tensor::from({3, 9, 9, 9}, {1, 2, 2, 1}), Tensor::zeros({1, 2, 2, 1}),
            Tensor::from({1, 0, 0, 0}, {1, 2, 2, 1}));
  CHECK(meter.values().at("mae") == Approx(10 * (4 + 3) / 5.0));
  CHECK(meter.values().at("mae_case") == Approx(10 * (1 + 3) / 2.0));
}

TEST_CASE("case metrics: figures of yes and no") {
  // Scores are probabilities; answers by 0.5.  TP 2, FN 1, FP 1, TN 2.
  const std::vector<YesNo> answers{{true, true, 0.9},  {true, true, 0.6},   {true, false, 0.3},
                                   {false, true, 0.7}, {false, false, 0.2}, {false, false, 0.1}};
  CHECK(sensitivity(answers) == Approx(2 / 3.0));
  CHECK(specificity(answers) == Approx(2 / 3.0));
  CHECK(f1(answers) == Approx(4 / 6.0));
  CHECK(yes_no_figure("auc", answers, same) == Approx(8 / 9.0 - 1 / 9.0));  // 0.6 < 0.7, 0.3 < 0.7
  // Precision at the recalls 1/3, 2/3, 1: 1, 2/3, 3/4.
  CHECK(yes_no_figure("auprc", answers, same) == Approx((1 + 2 / 3.0 + 3 / 4.0) / 3));
  CHECK(yes_no_figure("brier", answers, same) == Approx((0.01 + 0.16 + 0.49 + 0.49 + 0.04 + 0.01) / 6));
  // Each case is alone in its bin of width 1/15.
  CHECK(yes_no_figure("ece", answers, same) == Approx((0.1 + 0.4 + 0.7 + 0.7 + 0.2 + 0.1) / 6));
  CHECK(std::isnan(sensitivity({})));
  CHECK(std::isnan(specificity({{true, true, 1}})));
  CHECK(std::isnan(yes_no_figure("auprc", {{false, true, 1}}, same)));
  CHECK(average_precision({1, 1, 1, 1}, {true, false, true, false}) == 0.5);  // all at once
  const std::vector<ReliabilityBin> bins = reliability({{true, true, 1.0}, {false, true, 0.95}}, same, 10);
  CHECK(bins.back().cases == 2);
  CHECK(bins.back().probability == Approx(0.975));
  CHECK(bins.back().truth == 0.5);
}

TEST_CASE("case metrics: each class against the rest, and all of them") {
  Task t = task(TaskKind::Classification, 3);
  t.classes = {"nv", "mel", "bcc"};
  TaskMeter meter(t, true);
  // Truth nv nv mel mel, predicted nv mel mel mel; bcc never occurs.
  meter.add(Tensor::from({2, 0, 0, 0, 1, 0, 0, 3, 0, 0, 2, 1}, {4, 3}), Tensor::from({0, 0, 1, 1}, {4, 1}), {}, {},
            {{"a", "b", "c", "d"}, {}});
  const MetricValues v = meter.values();
  CHECK(v.at("sensitivity.nv") == 0.5);
  CHECK(v.at("sensitivity.mel") == 1);
  CHECK(std::isnan(v.at("sensitivity.bcc")));
  CHECK(v.at("sensitivity") == v.at("balanced_accuracy"));
  CHECK(v.at("specificity.mel") == 0.5);
  CHECK(v.at("specificity.bcc") == 1);
  CHECK(v.at("f1.nv") == Approx(2 / 3.0));
  CHECK(std::isnan(v.at("f1.bcc")));
  CHECK(v.at("brier") == Approx(v.at("brier.nv") + v.at("brier.mel") + v.at("brier.bcc")));
  CHECK(confusion_matrix(t, meter.cases()) == std::vector<std::vector<std::int64_t>>{{1, 1, 0}, {0, 2, 0}, {0, 0, 0}});
  // Balanced accuracy of three of the cases, one of them twice: nv 1/2, mel 1.
  CHECK(figure_of(t, "balanced_accuracy", meter.cases())({0, 1, 2, 2}) == Approx(0.75));
  CHECK(std::isnan(figure_of(t, "auc", meter.cases())({0, 0})));  // of a single class
}

TEST_CASE("case metrics: the threshold is chosen on the validation set") {
  const Task t = task(TaskKind::Binary, 1);
  const auto result = [&](const std::vector<real>& logits, const std::vector<real>& truth) {
    const auto n = static_cast<std::int64_t>(logits.size());
    TaskMeter meter(t, true);
    std::vector<std::string> ids;
    for (std::int64_t i = 0; i < n; ++i) ids.push_back(fmt::format("{}", i));
    meter.add(Tensor::from(logits, {n, 1}), Tensor::from(truth, {n, 1}), {}, {}, {ids, {}});
    return Evaluation{{0, meter.values(), n, meter.cases()}};
  };
  // At -2 both positives are found and one of two negatives is kept apart; no other threshold gives more.
  Evaluation val = result({-1, -1.5, -2.5, -4}, {1, 1, 0, 0}), test = result({-1.9, -2.1, -1, -3}, {1, 1, 0, 0});
  CHECK(val[0].metrics.at("sensitivity") == 0);
  const auto thresholds = judge_at_thresholds({t}, &val, &test);
  REQUIRE(thresholds.size() == 1);
  CHECK(thresholds[0] == std::vector<double>{-2});
  CHECK(val[0].metrics.at("sensitivity") == 1);
  CHECK(val[0].metrics.at("specificity") == 1);
  CHECK(test[0].metrics.at("sensitivity") == 0.5);
  CHECK(test[0].metrics.at("specificity") == 0.5);
  CHECK(test[0].metrics.at("accuracy") == 0.5);  // at a probability of one half
  CHECK(best_thresholds(t, result({1, 2}, {1, 1})[0].cases) == std::vector<double>{0});
}

TEST_CASE("case metrics: tables of cases that do not fit are refused") {
  CaseTable table;
  table.add("a", {{"dice", 1}});
  CHECK_THROWS_AS(table.add("b", {{"iou", 1}}), Error);
  CHECK_THROWS_AS(table.add("b", {{"dice", 1}, {"iou", 1}}), Error);
  CHECK_THROWS_AS(table.column("iou"), Error);
  CaseTable other;
  other.add("b", {{"iou", 1}});
  CHECK_THROWS_AS(table.join(other), Error);
  CHECK_THROWS_AS(figure_of(task(TaskKind::Segmentation, 1), "hd95", table), Error);
}

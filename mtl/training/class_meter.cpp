// How well whole images are classified.
#include <algorithm>
#include <cmath>

#include "mtl/training/class_figures.h"
#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

const std::vector<std::string> kEach{"sensitivity", "specificity", "f1", "auc", "auprc", "brier", "ece"};

// Classes that exclude each other.  Columns: truth and predicted, class numbers; log_p.<class>, the logarithm of the
// softmax probability: in the order of the probabilities, but without their ties from rounding near 0 and 1.
class ClassificationMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override {
    std::vector<std::string> names{"accuracy", "balanced_accuracy"};
    names.insert(names.end(), kEach.begin(), kEach.end());
    for (const std::string& name : kEach)
      for (std::int64_t c = 0; c < task_.channels; ++c) names.push_back(name + "." + class_label(task_, c));
    return names;
  }

  bool can_use(const CaseTable& cases) const override {
    bool all = cases.has("truth") && cases.has("predicted");
    for (std::int64_t c = 0; c < task_.channels; ++c) all = all && cases.has(log_p(c));
    return all;
  }

  MetricValues measure(const MeterSample& sample) const override {
    const real* y = sample.y;
    const std::int64_t channels = task_.channels, truth = static_cast<std::int64_t>(*sample.target);
    MEDUSA_CHECK(truth >= 0 && truth < channels, "metrics: task {}: class {} is outside 0..{}", task_.name, truth,
                 channels - 1);
    const real* largest = std::max_element(y, y + channels);
    const double top = static_cast<double>(*largest);
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += std::exp(static_cast<double>(y[c]) - top);
    MetricValues values{{"truth", static_cast<double>(truth)}, {"predicted", static_cast<double>(largest - y)}};
    for (std::int64_t c = 0; c < channels; ++c) values[log_p(c)] = static_cast<double>(y[c]) - top - std::log(sum);
    return values;
  }

  double value(const std::string& metric, const CaseTable& cases, const Rows& rows) const override {
    if (metric == "accuracy") return accuracy(answers(cases, rows));
    if (metric == "balanced_accuracy") return value("sensitivity", cases, rows);
    if (metric == "brier") return brier(cases, rows);
    if (metric == "ece") return top_error(cases, rows);
    const std::string stem = metric.substr(0, metric.find('.'));
    Mean mean;
    for (std::int64_t c = 0; c < task_.channels; ++c)
      if (metric == stem || metric == stem + "." + class_label(task_, c)) mean.add(of_class(stem, c, cases, rows));
    return mean.value();
  }

 private:
  std::string log_p(std::int64_t c) const { return "log_p." + class_label(task_, c); }

  // Whether each case was classified right.
  static std::vector<YesNo> answers(const CaseTable& cases, const Rows& rows) {
    const std::vector<double>&truth = cases.column("truth"), &predicted = cases.column("predicted");
    std::vector<YesNo> answers;
    for (std::size_t row : rows) answers.push_back({true, truth[row] == predicted[row], 0});
    return answers;
  }

  // The class against the rest.
  double of_class(const std::string& name, std::int64_t c, const CaseTable& cases, const Rows& rows) const {
    if (rows.empty()) return Mean().value();
    const std::vector<double>&truth = cases.column("truth"), &predicted = cases.column("predicted"),
          &score = cases.column(log_p(c));
    std::vector<YesNo> answers;
    const auto number = static_cast<double>(c);
    for (std::size_t row : rows) answers.push_back({truth[row] == number, predicted[row] == number, score[row]});
    return yes_no_figure(name, answers, [](double log_p) { return std::exp(log_p); });
  }

  // The mean over the cases of  sum_c (p_c - [c is true])^2  (Brier 1950).
  double brier(const CaseTable& cases, const Rows& rows) const {
    if (rows.empty()) return Mean().value();
    double sum = 0;
    for (std::int64_t c = 0; c < task_.channels; ++c) sum += of_class("brier", c, cases, rows);
    return sum;
  }

  // The calibration error of the probabilities of the predicted classes (Guo et al. 2017, eq. 5).
  double top_error(const CaseTable& cases, const Rows& rows) const {
    if (rows.empty()) return Mean().value();
    const std::vector<double>&truth = cases.column("truth"), &predicted = cases.column("predicted");
    std::vector<YesNo> answers;
    for (std::size_t row : rows) {
      const double log = cases.column(log_p(static_cast<std::int64_t>(predicted[row])))[row];
      answers.push_back({truth[row] == predicted[row], true, log});
    }
    return yes_no_figure("ece", answers, [](double log_p) { return std::exp(log_p); });
  }
};

// A yes or no per channel.  Columns, with more than one channel ending in .<channel>: truth, 0 or 1, and logit.
class BinaryMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override {
    std::vector<std::string> names{"accuracy", "balanced_accuracy"};
    names.insert(names.end(), kEach.begin(), kEach.end());
    for (const std::string& name : kEach)
      for (std::int64_t c = 0; c < task_.channels && task_.channels > 1; ++c) names.push_back(column(name, c));
    return names;
  }

  bool can_use(const CaseTable& cases) const override {
    bool all = true;
    for (std::int64_t c = 0; c < task_.channels; ++c)
      all = all && cases.has(column("truth", c)) && cases.has(column("logit", c));
    return all;
  }

  MetricValues measure(const MeterSample& sample) const override {
    MetricValues values;
    for (std::int64_t c = 0; c < task_.channels; ++c) {
      values[column("truth", c)] = sample.target[c] > real(0.5) ? 1 : 0;
      values[column("logit", c)] = static_cast<double>(sample.y[c]);
    }
    return values;
  }

  double value(const std::string& metric, const CaseTable& cases, const Rows& rows) const override {
    const std::string stem = metric.substr(0, metric.find('.'));
    Mean mean;
    for (std::int64_t c = 0; c < task_.channels; ++c)
      if (metric == stem || metric == column(stem, c)) mean.add(of_channel(stem, c, cases, rows));
    return mean.value();
  }

 private:
  std::string column(const std::string& name, std::int64_t c) const {
    return task_.channels == 1 ? name : name + "." + class_label(task_, c);
  }

  double of_channel(const std::string& name, std::int64_t c, const CaseTable& cases, const Rows& rows) const {
    if (rows.empty()) return Mean().value();
    const std::vector<double>&truth = cases.column(column("truth", c)), &logit = cases.column(column("logit", c));
    const bool at_half = name == "accuracy" || name == "balanced_accuracy" || task_.judging.thresholds.empty();
    const double threshold = at_half ? 0 : task_.judging.thresholds.at(static_cast<std::size_t>(c));
    std::vector<YesNo> answers;
    for (std::size_t row : rows) answers.push_back({truth[row] > 0.5, logit[row] > threshold, logit[row]});
    return yes_no_figure(name, answers, [](double logit) { return 1 / (1 + std::exp(-logit)); });
  }
};

}  // namespace

std::unique_ptr<Meter> class_meter(const Task& task) {
  if (task.traits().exclusive) return std::make_unique<ClassificationMeter>(task);
  return std::make_unique<BinaryMeter>(task);
}

}  // namespace medusa::mtl

// How well whole images are classified.
#include <algorithm>
#include <cmath>

#include "mtl/training/class_figures.h"
#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

// Those of all classes together and, where there are several, of each.
std::vector<std::string> names_of(const Task& task) {
  const std::vector<std::string> each{"sensitivity", "specificity", "f1", "auc", "auprc", "brier", "ece"};
  std::vector<std::string> names{"accuracy", "balanced_accuracy"};
  names.insert(names.end(), each.begin(), each.end());
  for (const std::string& name : each)
    for (std::int64_t c = 0; c < task.channels && task.channels > 1; ++c) names.push_back(class_column(task, name, c));
  return names;
}

// Classes that exclude each other.  Columns: truth and predicted, class numbers; log_p.<class>, the logarithm of the
// softmax probability: in the order of the probabilities, but without their ties from rounding near 0 and 1.
class ClassificationMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override { return names_of(task_); }

  bool can_use(const CaseTable& cases) const override {
    bool all = cases.has("truth") && cases.has("predicted");
    for (std::int64_t c = 0; c < task_.channels; ++c) all = all && cases.has(class_column(task_, "log_p", c));
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
    for (std::int64_t c = 0; c < channels; ++c)
      values[class_column(task_, "log_p", c)] = static_cast<double>(y[c]) - top - std::log(sum);
    return values;
  }

  double value(const std::string& metric, const CaseTable& cases, const Rows& rows) const override {
    if (metric == "accuracy") return accuracy(top_answers(task_, cases, rows));
    if (metric == "balanced_accuracy") return value("sensitivity", cases, rows);
    if (metric == "brier") return brier(cases, rows);
    // Of the probabilities of the predicted classes (Guo et al. 2017, eq. 5).
    if (metric == "ece") return yes_no_figure(metric, top_answers(task_, cases, rows), probability_of(task_));
    const std::string stem = metric.substr(0, metric.find('.'));
    Mean mean;
    for (std::int64_t c = 0; c < task_.channels; ++c)
      if (metric == stem || metric == class_column(task_, stem, c)) mean.add(of_class(stem, c, cases, rows));
    return mean.value();
  }

 private:
  // The class against the rest.
  double of_class(const std::string& name, std::int64_t c, const CaseTable& cases, const Rows& rows) const {
    return yes_no_figure(name, class_answers(task_, cases, rows, c), probability_of(task_));
  }

  // The mean over the cases of  sum_c (p_c - [c is true])^2  (Brier 1950).
  double brier(const CaseTable& cases, const Rows& rows) const {
    double sum = 0;
    for (std::int64_t c = 0; c < task_.channels; ++c) sum += of_class("brier", c, cases, rows);
    return sum;
  }
};

// A yes or no per channel.  Columns, with more than one channel ending in .<channel>: truth, 0 or 1, and logit.
class BinaryMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override { return names_of(task_); }

  bool can_use(const CaseTable& cases) const override {
    bool all = true;
    for (std::int64_t c = 0; c < task_.channels; ++c)
      all = all && cases.has(class_column(task_, "truth", c)) && cases.has(class_column(task_, "logit", c));
    return all;
  }

  MetricValues measure(const MeterSample& sample) const override {
    MetricValues values;
    for (std::int64_t c = 0; c < task_.channels; ++c) {
      values[class_column(task_, "truth", c)] = sample.target[c] > real(0.5) ? 1 : 0;
      values[class_column(task_, "logit", c)] = static_cast<double>(sample.y[c]);
    }
    return values;
  }

  double value(const std::string& metric, const CaseTable& cases, const Rows& rows) const override {
    const std::string stem = metric.substr(0, metric.find('.'));
    Mean mean;
    for (std::int64_t c = 0; c < task_.channels; ++c)
      if (metric == stem || metric == class_column(task_, stem, c)) mean.add(of_channel(stem, c, cases, rows));
    return mean.value();
  }

 private:
  double of_channel(const std::string& name, std::int64_t c, const CaseTable& cases, const Rows& rows) const {
    const bool at_half = name == "accuracy" || name == "balanced_accuracy" || task_.judging.thresholds.empty();
    const double threshold = at_half ? 0 : task_.judging.thresholds.at(static_cast<std::size_t>(c));
    return yes_no_figure(name, class_answers(task_, cases, rows, c, threshold), probability_of(task_));
  }
};

}  // namespace

std::unique_ptr<Meter> class_meter(const Task& task) {
  if (task.traits().exclusive) return std::make_unique<ClassificationMeter>(task);
  return std::make_unique<BinaryMeter>(task);
}

}  // namespace medusa::mtl

// Accuracy, balanced accuracy and the area under the ROC curve, of answers for whole images.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

std::int64_t largest(const real* y, std::int64_t channels) { return std::max_element(y, y + channels) - y; }

// The number of samples of each class, and how many of them were classified right.
struct Found {
  explicit Found(std::int64_t classes) : total(index(classes)), right(index(classes)) {}
  std::vector<std::int64_t> total, right;

  void add(std::int64_t truth, std::int64_t predicted) {
    ++total[index(truth)];
    right[index(truth)] += truth == predicted;
  }
  double accuracy() const {
    const auto all = std::accumulate(total.begin(), total.end(), std::int64_t{0});
    const auto good = std::accumulate(right.begin(), right.end(), std::int64_t{0});
    return all > 0 ? static_cast<double>(good) / static_cast<double>(all) : kNone;
  }
  double balanced_accuracy() const {
    Mean recall;
    for (std::size_t c = 0; c < total.size(); ++c)
      if (total[c] > 0) recall.add(static_cast<double>(right[c]) / static_cast<double>(total[c]));
    return recall.value();
  }
};

class ClassificationMeter : public Meter {
 public:
  explicit ClassificationMeter(const Task& task) : Meter(task), found_(task.channels), scores_(index(task.channels)) {}

  MetricValues values() const override {
    Mean area;
    for (std::size_t c = 0; c < scores_.size(); ++c) {
      std::vector<bool> positive;
      for (std::int64_t truth : truth_) positive.push_back(truth == static_cast<std::int64_t>(c));
      area.add(auc(scores_[c], positive));
    }
    return {{"accuracy", found_.accuracy()}, {"balanced_accuracy", found_.balanced_accuracy()}, {"auc", area.value()}};
  }

  void add(const MeterSample& sample) override {
    const real *y = sample.y, *target = sample.target;
    const std::int64_t channels = task_.channels, truth = static_cast<std::int64_t>(*target);
    MEDUSA_CHECK(truth >= 0 && truth < channels, "metrics: task {}: class {} is outside 0..{}", task_.name, truth,
                 channels - 1);
    found_.add(truth, largest(y, channels));
    truth_.push_back(truth);
    // The logarithm of the softmax probability: same order, but no ties from rounding near 0 and 1.
    const double top = static_cast<double>(*std::max_element(y, y + channels));
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += std::exp(static_cast<double>(y[c]) - top);
    for (std::int64_t c = 0; c < channels; ++c)
      scores_[index(c)].push_back(static_cast<double>(y[c]) - top - std::log(sum));
  }

 private:
  Found found_;
  std::vector<std::vector<double>> scores_;  // [class][sample]
  std::vector<std::int64_t> truth_;
};

class BinaryMeter : public Meter {
 public:
  explicit BinaryMeter(const Task& task)
      : Meter(task), found_(index(task.channels), Found(2)), scores_(found_.size()), truth_(found_.size()) {}

  MetricValues values() const override {
    Mean area, accuracy, balanced;
    for (std::size_t c = 0; c < found_.size(); ++c) {
      area.add(auc(scores_[c], truth_[c]));
      accuracy.add(found_[c].accuracy());
      balanced.add(found_[c].balanced_accuracy());
    }
    return {{"auc", area.value()}, {"accuracy", accuracy.value()}, {"balanced_accuracy", balanced.value()}};
  }

  void add(const MeterSample& sample) override {
    const real *y = sample.y, *target = sample.target;
    for (std::size_t c = 0; c < found_.size(); ++c) {
      const bool truth = target[c] > real(0.5);
      found_[c].add(truth, y[c] > 0);
      scores_[c].push_back(static_cast<double>(y[c]));
      truth_[c].push_back(truth);
    }
  }

 private:
  std::vector<Found> found_;                 // per channel
  std::vector<std::vector<double>> scores_;  // [channel][sample]
  std::vector<std::vector<bool>> truth_;
};

}  // namespace

std::unique_ptr<Meter> class_meter(const Task& task) {
  if (task.traits().exclusive) return std::make_unique<ClassificationMeter>(task);
  return std::make_unique<BinaryMeter>(task);
}

// Mann-Whitney: U = sum of the positives' ranks - p (p + 1) / 2, AUC = U / (p n); equal scores share their mean rank.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive) {
  MEDUSA_CHECK(scores.size() == positive.size(), "auc: {} scores, but {} truths", scores.size(), positive.size());
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double ranks = 0, positives = 0;
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    double here = 0;
    for (last = first; last < order.size() && scores[order[last]] == scores[order[first]]; ++last)
      here += positive[order[last]];
    ranks += here * (static_cast<double>(first + 1) + static_cast<double>(last)) / 2;
    positives += here;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0 || negatives == 0) return kNone;
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

}  // namespace medusa::mtl

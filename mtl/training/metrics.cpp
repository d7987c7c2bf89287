// Metrics of segmentation, regression, classification and binary tasks.
#include "mtl/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace medusa::mtl {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kSmooth = 1e-5;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// Sums and means in double, over what is defined.
struct Mean {
  double sum = 0;
  std::int64_t count = 0;
  void add(double value) {
    if (std::isnan(value)) return;
    sum += value;
    ++count;
  }
  double value() const { return count > 0 ? sum / static_cast<double>(count) : kNone; }
};

std::int64_t largest(const real* y, std::int64_t channels) { return std::max_element(y, y + channels) - y; }

// Overlap of predicted and true pixels of one structure in one image.
struct Overlap {
  double both = 0, predicted = 0, truth = 0;
  double dice() const { return (2 * both + kSmooth) / (predicted + truth + kSmooth); }
  double iou() const { return (both + kSmooth) / (predicted + truth - both + kSmooth); }
};

class SegmentationMeter : public Meter {
 public:
  explicit SegmentationMeter(const Task& task) : Meter(task) {}
  MetricValues values() const override { return {{"dice", dice_.value()}, {"iou", iou_.value()}}; }

 protected:
  void add_sample(const real* y, const real* target, const real* mask, std::int64_t places) override {
    const std::int64_t channels = task_.channels;
    std::vector<Overlap> overlap(index(channels));
    std::int64_t counted = 0;
    for (std::int64_t i = 0; i < places; ++i) {
      if (mask != nullptr && mask[i] == 0) continue;
      ++counted;
      if (channels == 1) {
        const bool s = y[i] > 0, t = target[i] > real(0.5);
        overlap[0].both += s && t;
        overlap[0].predicted += s;
        overlap[0].truth += t;
      } else {
        const std::int64_t s = largest(y + i * channels, channels), t = static_cast<std::int64_t>(target[i]);
        MEDUSA_CHECK(t >= 0 && t < channels, "metrics: task {}: class {} is outside 0..{}", task_.name, t,
                     channels - 1);
        overlap[index(s)].predicted += 1;
        overlap[index(t)].truth += 1;
        if (s == t) overlap[index(t)].both += 1;
      }
    }
    if (counted == 0) return;
    Mean dice, iou;
    for (const Overlap& o : overlap) {
      if (channels > 1 && o.truth == 0) continue;
      dice.add(o.dice());
      iou.add(o.iou());
    }
    dice_.add(dice.value());
    iou_.add(iou.value());
  }

 private:
  Mean dice_, iou_;
};

class StructuresMeter : public Meter {
 public:
  explicit StructuresMeter(const Task& task) : Meter(task), each_(index(task.channels)) {}
  MetricValues values() const override {
    MetricValues values{{"dice", dice_.value()}, {"iou", iou_.value()}};
    const std::vector<std::string> names = all_metric_names(task_);
    for (std::size_t c = 0; c < each_.size(); ++c) values[names[2 + c]] = each_[c].value();
    return values;
  }

 protected:
  void add_sample(const real* y, const real* target, const real* outlined, std::int64_t places) override {
    std::vector<Overlap> overlap(each_.size());
    for (std::int64_t i = 0; i < places; ++i)
      for (Overlap& o : overlap) {
        const bool s = *y++ > 0, t = *target++ > real(0.5);
        o.both += s && t;
        o.predicted += s;
        o.truth += t;
      }
    Mean dice, iou;
    for (std::size_t c = 0; c < overlap.size(); ++c) {
      if (outlined != nullptr && outlined[c] == 0) continue;
      each_[c].add(overlap[c].dice());
      dice.add(overlap[c].dice());
      iou.add(overlap[c].iou());
    }
    dice_.add(dice.value());
    iou_.add(iou.value());
  }

 private:
  Mean dice_, iou_;
  std::vector<Mean> each_;  // per structure
};

class RegressionMeter : public Meter {
 public:
  explicit RegressionMeter(const Task& task) : Meter(task) {}
  MetricValues values() const override { return {{"mae", error_.value() * task_.scale}}; }

 protected:
  void add_sample(const real* y, const real* target, const real* mask, std::int64_t places) override {
    const std::int64_t channels = task_.channels;
    for (std::int64_t i = 0; i < places; ++i) {
      if (mask != nullptr && mask[i] == 0) continue;
      for (std::int64_t c = i * channels; c < (i + 1) * channels; ++c)
        error_.add(std::abs(static_cast<double>(y[c]) - static_cast<double>(target[c])));
    }
  }

 private:
  Mean error_;
};

// How many samples of each class there were, and how many of them were found.
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

 protected:
  void add_sample(const real* y, const real* target, const real*, std::int64_t) override {
    const std::int64_t channels = task_.channels, truth = static_cast<std::int64_t>(*target);
    MEDUSA_CHECK(truth >= 0 && truth < channels, "metrics: task {}: class {} is outside 0..{}", task_.name, truth,
                 channels - 1);
    found_.add(truth, largest(y, channels));
    truth_.push_back(truth);
    // The logarithm of the softmax probability: the same order, and no ties from rounding near 0 and 1.
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

 protected:
  void add_sample(const real* y, const real* target, const real*, std::int64_t) override {
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

const std::vector<std::string>& metric_names(TaskKind kind) {
  static const std::vector<std::string> segmentation{"dice", "iou"}, regression{"mae"},
      classification{"balanced_accuracy", "accuracy", "auc"}, binary{"auc", "accuracy", "balanced_accuracy"};
  switch (kind) {
    case TaskKind::Segmentation:
    case TaskKind::Structures: return segmentation;
    case TaskKind::Regression:
    case TaskKind::Scalar: return regression;
    case TaskKind::Classification: return classification;
    case TaskKind::Binary: break;
  }
  return binary;
}

std::vector<std::string> all_metric_names(const Task& task) {
  std::vector<std::string> names = metric_names(task.kind);
  for (std::int64_t c = 0; task.kind == TaskKind::Structures && c < task.channels; ++c)
    names.push_back("dice." + (index(c) < task.classes.size() ? task.classes[index(c)] : fmt::format("{}", c)));
  return names;
}

bool larger_is_better(const std::string& metric) {
  if (metric.rfind("dice.", 0) == 0) return true;
  for (TaskKind kind : {TaskKind::Segmentation, TaskKind::Classification, TaskKind::Binary}) {
    const auto& names = metric_names(kind);
    if (std::find(names.begin(), names.end(), metric) != names.end()) return true;
  }
  MEDUSA_CHECK(metric == "mae", "metrics: there is no metric {}", metric);
  return false;
}

void Meter::add(const Tensor& y, const Tensor& target, const Tensor& mask, const std::vector<bool>& labelled) {
  MEDUSA_CHECK(y.rank() >= 2 && y.size(-1) == task_.channels, "metrics: task {} has {} channels, its output is {}",
               task_.name, task_.channels, y.shape());
  if (!labelled.empty() && std::find(labelled.begin(), labelled.end(), true) == labelled.end()) return;
  const std::int64_t n = y.size(0), places = n > 0 ? y.numel() / n / task_.channels : 0;
  const bool structures = task_.kind == TaskKind::Structures;
  const bool per_channel = structures || task_.kind == TaskKind::Regression || task_.kind == TaskKind::Binary ||
                           task_.kind == TaskKind::Scalar;
  const std::int64_t target_size = places * (per_channel ? task_.channels : 1);
  MEDUSA_CHECK(target.numel() == n * target_size, "metrics: task {}: output {} does not fit target {}", task_.name,
               y.shape(), target.shape());
  const std::int64_t mask_size = structures ? task_.channels : places;
  MEDUSA_CHECK(!mask || mask.numel() == n * mask_size, "metrics: task {}: output {} does not fit mask {}", task_.name,
               y.shape(), mask.shape());
  MEDUSA_CHECK(labelled.empty() || static_cast<std::int64_t>(labelled.size()) == n,
               "metrics: task {}: {} outputs, but {} entries in labelled", task_.name, n, labelled.size());
  const std::vector<real> outputs = y.to_vector(), truth = target.to_vector();
  const std::vector<real> inside = mask ? mask.to_vector() : std::vector<real>{};
  for (real value : outputs)
    MEDUSA_CHECK(std::isfinite(value), "metrics: the output of task {} is not finite", task_.name);
  for (std::int64_t i = 0; i < n; ++i) {
    if (!labelled.empty() && !labelled[index(i)]) continue;
    ++samples_;
    add_sample(outputs.data() + i * places * task_.channels, truth.data() + i * target_size,
               mask ? inside.data() + i * mask_size : nullptr, places);
  }
}

std::unique_ptr<Meter> make_meter(const Task& task) {
  switch (task.kind) {
    case TaskKind::Segmentation: return std::make_unique<SegmentationMeter>(task);
    case TaskKind::Structures: return std::make_unique<StructuresMeter>(task);
    case TaskKind::Regression:
    case TaskKind::Scalar: return std::make_unique<RegressionMeter>(task);
    case TaskKind::Classification: return std::make_unique<ClassificationMeter>(task);
    case TaskKind::Binary: break;
  }
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

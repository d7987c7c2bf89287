#include "mtl/training/class_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mtl/training/metrics.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Counts {
  explicit Counts(const std::vector<YesNo>& answers) {
    for (const YesNo& a : answers) (a.truth ? a.answer ? tp : fn : a.answer ? fp : tn) += 1;
  }
  double tp = 0, tn = 0, fp = 0, fn = 0;
};

double share(double part, double whole) { return whole > 0 ? part / whole : kNone; }

// Places in falling order of the scores.
std::vector<std::size_t> falling(const std::vector<double>& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  return order;
}

double balanced(const std::vector<YesNo>& answers) {
  const double yes = sensitivity(answers), no = specificity(answers);
  return std::isnan(yes) ? no : std::isnan(no) ? yes : (yes + no) / 2;
}

double brier(const std::vector<YesNo>& answers, const std::function<double(double)>& p) {
  double sum = 0;
  for (const YesNo& a : answers) sum += std::pow(p(a.score) - (a.truth ? 1 : 0), 2);
  return share(sum, static_cast<double>(answers.size()));
}

double calibration_error(const std::vector<YesNo>& answers, const std::function<double(double)>& p) {
  double sum = 0;
  for (const ReliabilityBin& bin : reliability(answers, p))
    if (bin.cases > 0) sum += bin.cases * std::abs(bin.probability - bin.truth);
  return share(sum, static_cast<double>(answers.size()));
}

// The threshold between the sorted scores with the largest sensitivity + specificity.
double best_threshold(const std::vector<double>& scores, const std::vector<double>& truth) {
  const auto positives = static_cast<double>(std::count(truth.begin(), truth.end(), 1.0));
  const double negatives = static_cast<double>(truth.size()) - positives;
  if (positives == 0 || negatives == 0) return 0;
  const std::vector<std::size_t> order = falling(scores);
  double best = -1, threshold = 0, tp = 0, fp = 0;
  for (std::size_t k = 0; k + 1 < order.size(); ++k) {
    (truth[order[k]] > 0.5 ? tp : fp) += 1;
    const double here = scores[order[k]], next = scores[order[k + 1]];
    if (here == next) continue;
    const double gain = tp / positives + 1 - fp / negatives, middle = (here + next) / 2;
    if (gain > best + 1e-12 || (gain > best - 1e-12 && std::abs(middle) < std::abs(threshold))) {
      best = gain;
      threshold = middle;
    }
  }
  return threshold;
}

}  // namespace

double accuracy(const std::vector<YesNo>& answers) {
  const Counts n(answers);
  return share(n.tp + n.tn, n.tp + n.tn + n.fp + n.fn);
}
double sensitivity(const std::vector<YesNo>& answers) {
  const Counts n(answers);
  return share(n.tp, n.tp + n.fn);
}
double specificity(const std::vector<YesNo>& answers) {
  const Counts n(answers);
  return share(n.tn, n.tn + n.fp);
}
double f1(const std::vector<YesNo>& answers) {
  const Counts n(answers);
  return share(2 * n.tp, 2 * n.tp + n.fp + n.fn);
}

std::vector<ReliabilityBin> reliability(const std::vector<YesNo>& answers, const std::function<double(double)>& p,
                                        int bins) {
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  for (const YesNo& a : answers) {
    const double probability = p(a.score);
    ReliabilityBin& bin = result[static_cast<std::size_t>(std::min(static_cast<int>(probability * bins), bins - 1))];
    bin.cases += 1;
    bin.probability += probability;
    bin.truth += a.truth;
  }
  for (int k = 0; k < bins; ++k) {
    ReliabilityBin& bin = result[static_cast<std::size_t>(k)];
    bin.low = static_cast<double>(k) / bins;
    bin.high = static_cast<double>(k + 1) / bins;
    bin.probability = share(bin.probability, bin.cases);
    bin.truth = share(bin.truth, bin.cases);
  }
  return result;
}

double yes_no_figure(const std::string& name, const std::vector<YesNo>& answers,
                     const std::function<double(double)>& p) {
  if (name == "accuracy") return accuracy(answers);
  if (name == "balanced_accuracy") return balanced(answers);
  if (name == "sensitivity") return sensitivity(answers);
  if (name == "specificity") return specificity(answers);
  if (name == "f1") return f1(answers);
  if (name == "brier") return brier(answers, p);
  if (name == "ece") return calibration_error(answers, p);
  std::vector<double> scores;
  std::vector<bool> truth;
  for (const YesNo& a : answers) {
    scores.push_back(a.score);
    truth.push_back(a.truth);
  }
  if (name == "auc") return auc(scores, truth);
  if (name == "auprc") return average_precision(scores, truth);
  fail("metrics: unknown figure {}", name);
}

// Mann-Whitney: U = sum of the positives' ranks - p (p + 1) / 2, AUC = U / (p n); equal scores share their mean rank.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive) {
  MEDUSA_CHECK(scores.size() == positive.size(), "auc: {} scores, but {} truths", scores.size(), positive.size());
  std::vector<std::size_t> order = falling(scores);
  std::reverse(order.begin(), order.end());
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

double average_precision(const std::vector<double>& scores, const std::vector<bool>& positive) {
  MEDUSA_CHECK(scores.size() == positive.size(), "average precision: {} scores, but {} truths", scores.size(),
               positive.size());
  const auto positives = static_cast<double>(std::count(positive.begin(), positive.end(), true));
  if (positives == 0) return kNone;
  const std::vector<std::size_t> order = falling(scores);
  double sum = 0, found = 0;
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    double here = 0;
    for (last = first; last < order.size() && scores[order[last]] == scores[order[first]]; ++last)
      here += positive[order[last]];
    found += here;
    sum += here / positives * found / static_cast<double>(last);
  }
  return sum;
}

std::string class_column(const Task& task, const std::string& name, std::int64_t c) {
  return task.channels == 1 ? name : name + "." + class_label(task, c);
}

std::vector<YesNo> class_answers(const Task& task, const CaseTable& cases, const Rows& rows, std::int64_t c,
                                 double threshold) {
  std::vector<YesNo> answers;
  if (rows.empty()) return answers;
  if (task.traits().exclusive) {
    const std::vector<double>&truth = cases.column("truth"), &predicted = cases.column("predicted"),
          &score = cases.column(class_column(task, "log_p", c));
    const auto number = static_cast<double>(c);
    for (std::size_t row : rows) answers.push_back({truth[row] == number, predicted[row] == number, score[row]});
  } else {
    const std::vector<double>&truth = cases.column(class_column(task, "truth", c)),
          &score = cases.column(class_column(task, "logit", c));
    for (std::size_t row : rows) answers.push_back({truth[row] > 0.5, score[row] > threshold, score[row]});
  }
  return answers;
}

std::vector<YesNo> top_answers(const Task& task, const CaseTable& cases, const Rows& rows) {
  std::vector<YesNo> answers;
  if (rows.empty()) return answers;
  const std::vector<double>&truth = cases.column("truth"), &predicted = cases.column("predicted");
  for (std::size_t row : rows) {
    const auto c = static_cast<std::int64_t>(predicted[row]);
    answers.push_back({truth[row] == predicted[row], true, cases.column(class_column(task, "log_p", c))[row]});
  }
  return answers;
}

std::function<double(double)> probability_of(const Task& task) {
  if (task.traits().exclusive) return [](double log_p) { return std::exp(log_p); };
  return [](double logit) { return 1 / (1 + std::exp(-logit)); };
}

std::vector<std::vector<std::int64_t>> confusion_matrix(const Task& task, const CaseTable& cases) {
  const auto classes = static_cast<std::size_t>(task.channels);
  std::vector<std::vector<std::int64_t>> confusion(classes, std::vector<std::int64_t>(classes, 0));
  if (cases.size() == 0) return confusion;
  const std::vector<double>&truth = cases.column("truth"), &predicted = cases.column("predicted");
  for (std::size_t i = 0; i < cases.size(); ++i)
    ++confusion.at(static_cast<std::size_t>(truth[i])).at(static_cast<std::size_t>(predicted[i]));
  return confusion;
}

std::vector<double> best_thresholds(const Task& task, const CaseTable& cases) {
  std::vector<double> thresholds;
  for (std::int64_t c = 0; c < task.channels; ++c) {
    thresholds.push_back(cases.size() == 0 ? 0
                                           : best_threshold(cases.column(class_column(task, "logit", c)),
                                                            cases.column(class_column(task, "truth", c))));
  }
  return thresholds;
}

}  // namespace medusa::mtl

// Metrics: how good a task's outputs are, computed over a whole set of samples, never averaged over batches.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mtl/task.h"
#include "mtl/training/case_table.h"

namespace medusa::mtl {

// By name.  A metric that the samples do not define (no sample, or AUC of a single class) is NaN.
using MetricValues = std::map<std::string, double>;

// One labelled sample as a meter sees it, on the host.
struct MeterSample {
  std::string id;                   // of the case; "": unknown
  std::vector<std::int64_t> shape;  // spatial shape [D,] H, W; empty if the task has one answer per image
  std::vector<double> spacing;      // of pixels along these axes: in mm, or 1 if unknown
  bool in_mm = false;               // whether the spacing is known
  std::int64_t places = 1;          // pixels, the product of `shape`
  const real* y = nullptr;          // raw outputs [S, C]: logits or regressed values
  const real* target = nullptr;     // [S, C], or [S] if the kind's classes exclude each other
  const real* mask = nullptr;       // 1 where the sample counts: [S], for structures [C]; null: everywhere
};

// Accumulates one or several metrics of one task.
class Meter {
 public:
  explicit Meter(const Task& task) : task_(task) {}
  virtual ~Meter() = default;
  virtual void add(const MeterSample& sample) = 0;
  virtual MetricValues values() const = 0;
  virtual const class CaseMeter* by_case() const { return nullptr; }

 protected:
  const Task task_;
};

// A meter that measures each case by itself, and computes the figures of a set from what it found about its cases.  So
// they can be computed anew for other sets of the same cases.
class CaseMeter : public Meter {
 public:
  using Meter::Meter;
  // The numbers about a case, always under the same names.
  virtual MetricValues measure(const MeterSample& sample) const = 0;
  // The names of the metrics.
  virtual std::vector<std::string> names() const = 0;
  // A metric of some of the cases.  As it stands here, the mean of the column that has its name.
  virtual double value(const std::string& metric, const CaseTable& cases, const Rows& rows) const;

  void add(const MeterSample& sample) final { cases_.add(sample.id, measure(sample)); }
  MetricValues values() const final { return values(cases_); }
  MetricValues values(const CaseTable& cases) const;
  // Whether a table has the columns that value() reads.  As it stands here, one for each metric.
  virtual bool can_use(const CaseTable& cases) const;
  const CaseMeter* by_case() const final { return this; }
  const CaseTable& cases() const { return cases_; }

 private:
  CaseTable cases_;
};

// A row of the table of metrics (training/metric_table.h).
struct Metric {
  const char* name;
  bool (*fits)(const KindTraits& kind);
  bool larger_is_better;
  bool in_units;                                      // in the task's unit: an output times Task::scale
  bool each_class;                                    // also `name.class` for classes or structures
  std::unique_ptr<Meter> (*meter)(const Task& task);  // rows with the same function share one meter
  bool thorough = false;                              // of finished runs; left out while a network trains
  bool several_classes = false;                       // not for tasks with one channel
};
// Adds a row to the table, for a program with a metric of its own.  Call it before any evaluation, from one thread.
// Throws Error if the name is taken.
void add_metric(const Metric& metric);
// The row of a metric; that of dice for "dice.Bladder".  Throws Error on an unknown name.
const Metric& metric(const std::string& name);

// The metric by which checkpoints are compared.
//   segmentation    dice, of several classes foreground_dice
//   structures      dice
//   regression      mae                                  in the task's unit
//   classification  balanced_accuracy
//   binary          auc
//   scalar          mae                                  in the task's unit
std::string primary_metric(const Task& task);
// What a class or structure is called in the names of metrics: by its name, or if it has none by its number.
std::string class_label(const Task& task, std::int64_t c);
// The names of a task's metrics, the primary one first; with `thorough` ones or without, and without those of single
// classes.
std::vector<std::string> metric_names(const Task& task, bool thorough = false);
// The names of the values that are there, in the order of the table: those of metric_names(), then those of single
// classes.
std::vector<std::string> names_in_order(const Task& task, const MetricValues& values);
// The direction of a metric.  Throws Error on an unknown name.
inline bool larger_is_better(const std::string& name) { return metric(name).larger_is_better; }

// The cases of a batch: ids and spacings as in datasets::Batch, or empty.
struct MeterCases {
  std::vector<std::string> ids;
  std::vector<std::vector<double>> spacing;
};

// All meters of one task.  Samples without a label, and places outside a mask, do not count.
class TaskMeter {
 public:
  // With the meters of all rows that fit, or with the given meters.
  explicit TaskMeter(const Task& task, bool thorough = false);
  TaskMeter(const Task& task, std::vector<std::unique_ptr<Meter>> meters) : task_(task), meters_(std::move(meters)) {}
  // A batch: raw outputs y, target and mask as task_loss() takes them.  Throws Error, naming the task, if y has a value
  // that is not finite, or shapes or spacings do not fit.
  void add(const Tensor& y, const Tensor& target, const Tensor& mask = {}, const std::vector<bool>& labelled = {},
           const MeterCases& cases = {});
  MetricValues values() const;
  CaseTable cases() const;                           // what all meters found about each case
  std::int64_t samples() const { return samples_; }  // that had a label

 private:
  void check(const Tensor& y, const Tensor& target, const Tensor& mask, const std::vector<bool>& labelled,
             const MeterCases& cases) const;

  const Task task_;
  bool thorough_ = true;
  std::vector<std::unique_ptr<Meter>> meters_;
  std::int64_t samples_ = 0;
};
inline std::unique_ptr<TaskMeter> make_meter(const Task& task, bool thorough = false) {
  return std::make_unique<TaskMeter>(task, thorough);
}

// The metrics of cases that were measured before, thorough ones too; those that need more than the table has are left
// out.
MetricValues values_of(const Task& task, const CaseTable& cases);
// A way to compute one metric of any of the cases.  Throws Error if it cannot be computed from them.  `cases` must stay
// alive.
std::function<double(const Rows&)> figure_of(const Task& task, const std::string& metric, const CaseTable& cases);

// The area under the ROC curve: one score and one truth per sample; NaN without positives or without negatives.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive);
// The area under the curve of precision over recall, as a sum of steps (average precision): sum of (R_i - R_{i-1}) P_i
// over falling thresholds, equal scores together; NaN without positives.
double average_precision(const std::vector<double>& scores, const std::vector<bool>& positive);

}  // namespace medusa::mtl

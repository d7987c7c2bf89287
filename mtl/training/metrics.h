// Metrics: how good a task's outputs are, computed over a whole set of samples, never averaged over batches.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mtl/task.h"

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

 protected:
  const Task task_;
};

// A row of the table of metrics (training/metric_table.h).
struct Metric {
  const char* name;
  bool (*fits)(const KindTraits& kind);
  bool larger_is_better;
  bool in_units;                                      // in the task's unit: an output times Task::scale
  bool each_structure;                                // for structures also `name.structure` for each
  std::unique_ptr<Meter> (*meter)(const Task& task);  // rows with the same function share one meter
};
// Adds a row to the table, for a program with a metric of its own.  Call it before any evaluation, from one thread.
// Throws Error if the name is taken.
void add_metric(const Metric& metric);
// The row of a metric; that of dice for "dice.Bladder".  Throws Error on an unknown name.
const Metric& metric(const std::string& name);

// Names of the metrics of a kind of task; the first is its primary one, by which checkpoints are compared.
//   segmentation    dice, iou
//   structures      dice, iou
//   regression      mae                                  in the task's unit
//   classification  balanced_accuracy, accuracy, auc
//   binary          auc, accuracy, balanced_accuracy
//   scalar          mae                                  in the task's unit
std::vector<std::string> metric_names(TaskKind kind);
inline std::string primary_metric(TaskKind kind) { return training_of(kind).primary_metric; }
// The same and what meters report beyond them: for structures dice.<structure> for each.
std::vector<std::string> all_metric_names(const Task& task);
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
  explicit TaskMeter(const Task& task);
  TaskMeter(const Task& task, std::vector<std::unique_ptr<Meter>> meters) : task_(task), meters_(std::move(meters)) {}
  // A batch: raw outputs y, target and mask as task_loss() takes them.  Throws Error, naming the task, if y has a value
  // that is not finite, or shapes or spacings do not fit.
  void add(const Tensor& y, const Tensor& target, const Tensor& mask = {}, const std::vector<bool>& labelled = {},
           const MeterCases& cases = {});
  MetricValues values() const;                       // all of all_metric_names(task)
  std::int64_t samples() const { return samples_; }  // that had a label

 private:
  void check(const Tensor& y, const Tensor& target, const Tensor& mask, const std::vector<bool>& labelled,
             const MeterCases& cases) const;

  const Task task_;
  std::vector<std::unique_ptr<Meter>> meters_;
  std::int64_t samples_ = 0;
};
inline std::unique_ptr<TaskMeter> make_meter(const Task& task) { return std::make_unique<TaskMeter>(task); }

// The area under the ROC curve: one score and one truth per sample; NaN without positives or without negatives.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive);

}  // namespace medusa::mtl

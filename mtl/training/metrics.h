// Metrics: what a task's outputs are worth, computed over a whole set of samples, never averaged over batches.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mtl/task.h"

namespace medusa::mtl {

// By name.  A metric that the samples do not define (no sample at all, AUC where only one class occurs) is NaN.
using MetricValues = std::map<std::string, double>;

// One labelled sample as a meter sees it, on the host.
struct MeterSample {
  std::string id;                   // of the case; "": not known
  std::vector<std::int64_t> shape;  // its spatial shape [D,] H, W; of a task that has one answer per image empty
  std::vector<double> spacing;      // from pixel to pixel along these: mm, or 1 where that is not known
  bool in_mm = false;               // whether it is known
  std::int64_t places = 1;          // pixels, the product of `shape`
  const real* y = nullptr;          // raw outputs [S, C]: logits or regressed values
  const real* target = nullptr;     // [S, C], or [S] where the kind's classes exclude each other
  const real* mask = nullptr;       // where it counts: [S], of structures [C]; null: everywhere
};

// Adds up one or several metrics of one task.
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
  bool each_structure;                                // of structures also `name.structure` for each
  std::unique_ptr<Meter> (*meter)(const Task& task);  // rows with the same function share one meter
};
// Adds a row to the table, for a program with a metric of its own; before any task is judged, from one thread.  Throws
// Error where the name is taken.
void add_metric(const Metric& metric);
// The row of a metric, of "dice.Bladder" that of dice.  Throws Error on an unknown name.
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
// The same and what a meter tells beyond them: of structures dice.<structure> for each.
std::vector<std::string> all_metric_names(const Task& task);
// The direction of a metric.  Throws Error on an unknown name.
inline bool larger_is_better(const std::string& name) { return metric(name).larger_is_better; }

// Who the samples of a batch are: ids and spacings as in datasets::Batch, or empty.
struct MeterCases {
  std::vector<std::string> ids;
  std::vector<std::vector<double>> spacing;
};

// All meters of one task.  Samples without a label, and places outside a mask, do not count.
class TaskMeter {
 public:
  // With all rows of the table that fit; or with these meters.
  explicit TaskMeter(const Task& task);
  TaskMeter(const Task& task, std::vector<std::unique_ptr<Meter>> meters) : task_(task), meters_(std::move(meters)) {}
  // A batch: raw outputs y, target and mask as task_loss() takes them.  Throws Error, naming the task, where y holds a
  // value that is not finite, or shapes and spacings do not fit.
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

// The area under the ROC curve: one score and one truth per sample; NaN where a side is empty.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive);

}  // namespace medusa::mtl

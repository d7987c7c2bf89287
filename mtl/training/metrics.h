// Metrics: what a task's outputs are worth, computed over a whole set of samples, never averaged over batches.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mtl/task.h"

namespace medusa::mtl {

// Names of the metrics of a kind of task; the first is its primary one, by which checkpoints are compared.
//   segmentation    dice, iou
//   structures      dice, iou
//   regression      mae                                  in the task's unit
//   classification  balanced_accuracy, accuracy, auc
//   binary          auc, accuracy, balanced_accuracy
//   scalar          mae                                  in the task's unit
const std::vector<std::string>& metric_names(TaskKind kind);
inline const std::string& primary_metric(TaskKind kind) { return metric_names(kind).front(); }
// The same and what a meter tells beyond them: of structures dice.<structure> for each.
std::vector<std::string> all_metric_names(const Task& task);
// The direction of a metric: false for mae, true for all others.  Throws Error on an unknown name.
bool larger_is_better(const std::string& metric);

// By name.  A metric that the samples do not define (no sample at all, AUC where only one class occurs) is NaN.
using MetricValues = std::map<std::string, double>;

// Adds up one task's results over a set.  Samples without a label, and places outside a mask, do not count.
class Meter {
 public:
  virtual ~Meter() = default;
  // A batch: raw outputs y (logits or regressed values), target and mask as task_loss() takes them.  Throws Error,
  // naming the task, where y holds a value that is not finite.
  void add(const Tensor& y, const Tensor& target, const Tensor& mask = {}, const std::vector<bool>& labelled = {});
  // All of all_metric_names(task).
  virtual MetricValues values() const = 0;
  std::int64_t samples() const { return samples_; }  // that had a label

 protected:
  explicit Meter(const Task& task) : task_(task) {}
  // One sample: its outputs, target and mask (null: all ones; of structures a value per channel, else one per place);
  // `places` is the number of its pixels, 1 for images.
  virtual void add_sample(const real* y, const real* target, const real* mask, std::int64_t places) = 0;
  const Task task_;

 private:
  std::int64_t samples_ = 0;
};

// The meter of the task's kind:
//   dice   per image (2 |S T| + e) / (|S| + |T| + e), e = 1e-5, S: logit > 0; the mean over images.  Several channels:
//          S by the largest logit; per image the mean over the classes that its truth contains, an absent one is left
//          out.
//   iou    the same with (|S T| + e) / (|S or T| + e).
//   dice, iou of structures  per image the mean over those that were outlined, the mean over images;
//          dice.<structure>: its mean over the images in which it was outlined.
//   mae    sum |y - target| / number of values, over all places of all images inside their masks, in the task's unit.
//          Of a scalar an image is one place.
//   accuracy, balanced_accuracy  of the largest logit (binary: logit > 0, mean over the channels); balanced: the mean
//          over the classes that occur of the share of their samples that was found.
//   auc    the probability that a positive scores above a negative, ties count half.  Classification: softmax
//          probability of a class against the rest, mean over the classes that have both positives and negatives.
std::unique_ptr<Meter> make_meter(const Task& task);

// The area under the ROC curve: one score and one truth per sample; NaN where a side is empty.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive);

}  // namespace medusa::mtl

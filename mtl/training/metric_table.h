// The table of metrics, and its meters, each in a file of its own.
#pragma once

#include "mtl/training/metrics.h"

namespace medusa::mtl {

// dice, iou:
//   dice   per image (2 |S T| + e) / (|S| + |T| + e), e = 1e-5, S: logit > 0; the mean over images.  Several channels:
//          S by the largest logit; per image the mean over the classes that its truth contains.
//   iou    the same with (|S T| + e) / (|S or T| + e).
//   structures: per image the mean over those that were outlined, then the mean over images; dice.<structure>: its
//          mean over the images in which it was outlined.
std::unique_ptr<Meter> overlap_meter(const Task& task);
// mae: sum |y - target| / number of values, over all places of all images inside their masks, in the task's unit.  For
// a scalar, an image is one place.
std::unique_ptr<Meter> error_meter(const Task& task);
// accuracy, balanced_accuracy, auc:
//   accuracy, balanced_accuracy  of the largest logit (binary: logit > 0, mean over the channels); balanced: the mean
//          recall of the classes that occur.
//   auc    the probability that a positive scores above a negative, ties count half.  Classification: each class
//          against the rest by its softmax probability, mean over the classes with both positives and negatives.
std::unique_ptr<Meter> class_meter(const Task& task);

inline bool is_region(const KindTraits& kind) { return kind.pixel_level && !kind.in_units; }
inline bool is_amount(const KindTraits& kind) { return kind.in_units; }
inline bool is_class(const KindTraits& kind) { return !kind.pixel_level && !kind.in_units; }

inline const std::vector<Metric>& metric_table() {
  static const std::vector<Metric> rows = {
      // name, fits, larger_is_better, in_units, each_structure, meter
      {"dice", is_region, true, false, true, overlap_meter},
      {"iou", is_region, true, false, false, overlap_meter},
      {"mae", is_amount, false, true, false, error_meter},
      {"accuracy", is_class, true, false, false, class_meter},
      {"balanced_accuracy", is_class, true, false, false, class_meter},
      {"auc", is_class, true, false, false, class_meter},
  };
  return rows;
}

}  // namespace medusa::mtl

// The table of metrics, and its meters, each in a file of its own.
#pragma once

#include "mtl/training/metrics.h"

namespace medusa::mtl {

// dice, iou, foreground_dice:
//   dice   per image (2 |S T| + e) / (|S| + |T| + e), e = 1e-5, S: logit > 0; the mean over images.  Several channels:
//          S by the largest logit; per image the mean over the classes that its truth contains, background included.
//   iou    the same with (|S T| + e) / (|S or T| + e).
//   foreground_dice  several channels: per image the mean Dice of all classes but 0, the background.  A class that the
//          truth lacks counts 1 where it is not predicted either, and 0 where it is (Metrics Reloaded, Maier-Hein et
//          al. 2024); foreground_dice.<class>: the mean over images.
//   structures: per image the mean over those that were outlined, then the mean over images; dice.<structure>: its
//          mean over the images in which it was outlined.
std::unique_ptr<Meter> overlap_meter(const Task& task);
// hd95, assd, nsd: see surface_distances(); volume_error: | |S| - |T| | / |T|, undefined where T is empty.  Per image
// the mean over structures (foreground classes), then the mean over images; also of each structure.
std::unique_ptr<Meter> surface_meter(const Task& task);
// mae: sum |y - target| / number of values, over all places of all images inside their masks, in the task's unit.  For
// a scalar, an image is one place.  mae_case: the mean over images of each one's own.
std::unique_ptr<Meter> error_meter(const Task& task);
// Classification: each class against the rest, and the mean over the classes where the figure is defined (brier: the
// sum; ece: of the predicted class's probability).  Binary: the mean over the channels.
//   accuracy, balanced_accuracy  of the largest logit (binary: logit > 0); balanced: the mean recall of the classes
//          that occur.
//   auc    the probability that a positive scores above a negative, ties count half.
//   auprc  average precision
//   sensitivity, specificity, f1  of the largest logit (binary: logit > Task::judging.thresholds)
//   brier, ece  of the probabilities (class_figures.h)
std::unique_ptr<Meter> class_meter(const Task& task);

inline bool is_region(const KindTraits& kind) { return kind.pixel_level && !kind.in_units; }
inline bool is_amount(const KindTraits& kind) { return kind.in_units; }
inline bool is_class(const KindTraits& kind) { return !kind.pixel_level && !kind.in_units; }

inline const std::vector<Metric>& metric_table() {
  static const std::vector<Metric> rows = {
      // name, fits, larger_is_better, in_units, each_class, meter, thorough, several_classes
      {"dice", is_region, true, false, true, overlap_meter},
      {"iou", is_region, true, false, false, overlap_meter},
      {"foreground_dice", is_region, true, false, true, overlap_meter, false, true},
      {"hd95", is_region, false, false, true, surface_meter, true},
      {"assd", is_region, false, false, true, surface_meter, true},
      {"nsd", is_region, true, false, true, surface_meter, true},
      {"volume_error", is_region, false, false, true, surface_meter, true},
      {"mae", is_amount, false, true, false, error_meter},
      {"mae_case", is_amount, false, true, false, error_meter, true},
      {"accuracy", is_class, true, false, false, class_meter},
      {"balanced_accuracy", is_class, true, false, false, class_meter},
      {"auc", is_class, true, false, true, class_meter},
      {"sensitivity", is_class, true, false, true, class_meter, true},
      {"specificity", is_class, true, false, true, class_meter, true},
      {"f1", is_class, true, false, true, class_meter, true},
      {"auprc", is_class, true, false, true, class_meter, true},
      {"brier", is_class, false, false, true, class_meter, true},
      {"ece", is_class, false, false, true, class_meter, true},
  };
  return rows;
}

}  // namespace medusa::mtl

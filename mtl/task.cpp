#include "mtl/task.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "mtl/losses.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

// A structure fills a hundredth of a volume or less.  A bias near 0 predicts one half everywhere.  Then all voxels
// together push the logits down, through the bias and through what their features have in common, until the sigmoid is
// flat and Dice has no gradient left: the network learns late, or never, which voxels belong to the structure.  Lin et
// al., "Focal loss for dense object detection", 2017, section 4.1.
constexpr double kRare = 0.01;

bool well_formed(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

const KindTraining& training_of(TaskKind kind) {
  using enum TaskKind;
  static const std::vector<KindTraining> rows = {
      // kind, loss, loss_of_classes, primary_metric, primary_of_classes, prior
      {Segmentation, "dice+bce", "dice+cross_entropy", "dice", "foreground_dice", 0},
      {Structures, "dice+bce", "", "dice", "", kRare},
      {Regression, "l1", "", "mae", "", 0},
      {Classification, "", "cross_entropy", "", "balanced_accuracy", 0},
      {Binary, "bce", "", "auc", "", 0},
      {Scalar, "l1", "", "mae", "", 0},
  };
  return *std::find_if(rows.begin(), rows.end(), [&](const KindTraining& row) { return row.kind == kind; });
}

void check_tasks(const std::vector<Task>& tasks) {
  MEDUSA_CHECK_INPUT(!tasks.empty(), "tasks: none given, expected at least one");
  std::set<std::string> names;
  for (const Task& task : tasks) {
    MEDUSA_CHECK_INPUT(well_formed(task.name), "task name '{}': expected letters, digits, '_' and '-' only", task.name);
    MEDUSA_CHECK_INPUT(names.insert(task.name).second, "task name '{}' is given twice", task.name);
    MEDUSA_CHECK_INPUT(task.channels >= 1, "task '{}': channels must be at least 1, got {}", task.name, task.channels);
    MEDUSA_CHECK_INPUT(task.scale > 0, "task '{}': scale must be above 0, got {}", task.name, task.scale);
    MEDUSA_CHECK_INPUT(task.loss_weight >= 0 && std::isfinite(task.loss_weight),
                       "task '{}': loss weight is {}, expected 0 or more", task.name, task.loss_weight);
    MEDUSA_CHECK_INPUT(
        task.class_weight.empty() || static_cast<std::int64_t>(task.class_weight.size()) == task.channels,
        "task '{}': expected a class weight for each of {} classes, got {}", task.name, task.channels,
        task.class_weight.size());
    check_loss(task);
  }
}

}  // namespace medusa::mtl

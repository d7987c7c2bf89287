// A dataset seen through the tasks of a network that was trained on another one.
#pragma once

#include <memory>
#include <vector>

#include "datasets/dataset.h"
#include "mtl/task.h"

namespace medusa::mtl {

// The dataset with those targets that are `tasks`, in their order, found by name; labels as the tasks have them:
// classes in the tasks' order, amounts in the tasks' scale.  `dataset` must outlive it.  Throws InputError where a task
// has no target of its name, or the target is of another kind, unit or number of channels, or has other classes.
std::unique_ptr<datasets::Dataset> matched(const datasets::Dataset& dataset, const std::vector<Task>& tasks);

}  // namespace medusa::mtl

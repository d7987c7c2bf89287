// From a dataset's targets to the tasks of a network.
#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "mtl/task.h"

namespace medusa::mtl {

// The dataset's targets as tasks, those named in `names` (all if it is empty), in the dataset's order.
// `target_of_task` receives each task's index among the dataset's targets.
std::vector<Task> make_tasks(const datasets::Dataset& dataset, const std::vector<std::string>& names,
                             std::vector<std::size_t>* target_of_task);
// Gives tasks the losses and the weights of --loss and --loss-weight: "lesion=dice+focal", "lesion=2".  Throws
// InputError if one is malformed or names none of the tasks.  check_tasks() checks whether a loss fits its task.
void choose_losses(std::vector<Task>* tasks, const std::vector<std::string>& losses,
                   const std::vector<std::string>& weights);
// Weights of the classes in the loss: none (all 1, empty), inverse (total / (classes * count)) or sqrt (its root).
// A class that never occurs gets the weight of one that occurs once.  Throws InputError where `rule` is unknown.
std::vector<std::string> class_weight_rules();
std::vector<double> class_weights(const std::string& rule, const std::vector<std::int64_t>& counts);

}  // namespace medusa::mtl

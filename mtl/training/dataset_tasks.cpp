#include "mtl/training/dataset_tasks.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace medusa::mtl {

std::vector<Task> make_tasks(const datasets::Dataset& dataset, const std::vector<std::string>& names,
                             std::vector<std::size_t>* target_of_task) {
  const auto& targets = dataset.targets();
  std::vector<std::string> known;
  for (const auto& target : targets) known.push_back(target.name);
  for (const std::string& name : names) check_one_of("--tasks", name, known);
  std::vector<Task> tasks;
  target_of_task->clear();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!names.empty() && std::find(names.begin(), names.end(), targets[i].name) == names.end()) continue;
    Task task;
    task.name = targets[i].name;
    task.kind = targets[i].kind;
    task.channels = targets[i].channels;
    task.classes = targets[i].classes;
    task.scale = targets[i].scale;
    task.unit = targets[i].unit;
    tasks.push_back(task);
    target_of_task->push_back(i);
  }
  return tasks;
}

std::vector<double> class_weights(const std::string& rule, const std::vector<std::int64_t>& counts) {
  if (rule == "none") return {};
  double total = 0;
  for (std::int64_t count : counts) total += static_cast<double>(count);
  std::vector<double> weights;
  for (std::int64_t count : counts) {
    const double inverse =
        total / static_cast<double>(std::max<std::int64_t>(count, 1)) / static_cast<double>(counts.size());
    weights.push_back(rule == "sqrt" ? std::sqrt(inverse) : inverse);
  }
  return weights;
}

}  // namespace medusa::mtl

#include "mtl/training/dataset_tasks.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/check.h"

namespace medusa::mtl {

namespace {

// Hands each "TASK=VALUE" to set(task, value).
template <class Set>
void for_tasks(const char* option, const char* example, const std::vector<std::string>& entries,
               std::vector<Task>* tasks, const Set& set) {
  std::vector<std::string> names;
  for (const Task& task : *tasks) names.push_back(task.name);
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    MEDUSA_CHECK_INPUT(equals != std::string::npos, "{} {}: expected TASK=VALUE, such as {}", option, entry, example);
    check_one_of(option, entry.substr(0, equals), names);
    const auto place = std::find(names.begin(), names.end(), entry.substr(0, equals)) - names.begin();
    set((*tasks)[static_cast<std::size_t>(place)], entry.substr(equals + 1));
  }
}

}  // namespace

void choose_losses(std::vector<Task>* tasks, const std::vector<std::string>& losses,
                   const std::vector<std::string>& weights) {
  for_tasks("--loss", "lesion=dice+focal", losses, tasks,
            [](Task& task, const std::string& loss) { task.loss = loss; });
  for_tasks("--loss-weight", "lesion=2", weights, tasks, [](Task& task, const std::string& text) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), task.loss_weight);
    MEDUSA_CHECK_INPUT(error == std::errc{} && stop == text.data() + text.size(),
                       "--loss-weight {}={}: expected a number", task.name, text);
  });
}

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
    tasks.emplace_back(targets[i]);
    target_of_task->push_back(i);
  }
  return tasks;
}

namespace {

// From total / (classes * count).
struct ClassWeightRule {
  const char* name;
  double (*weight)(double inverse);  // null: no weights
};
constexpr ClassWeightRule kClassWeightRules[] = {
    {"none", nullptr},
    {"inverse", [](double inverse) { return inverse; }},
    {"sqrt", [](double inverse) { return std::sqrt(inverse); }},
};

}  // namespace

std::vector<std::string> class_weight_rules() {
  std::vector<std::string> names;
  for (const ClassWeightRule& rule : kClassWeightRules) names.emplace_back(rule.name);
  return names;
}

std::vector<double> class_weights(const std::string& rule, const std::vector<std::int64_t>& counts) {
  check_one_of("class weights:", rule, class_weight_rules());
  const auto found = std::find_if(std::begin(kClassWeightRules), std::end(kClassWeightRules),
                                  [&](const ClassWeightRule& r) { return rule == r.name; });
  if (found->weight == nullptr) return {};
  double total = 0;
  for (std::int64_t count : counts) total += static_cast<double>(count);
  std::vector<double> weights;
  for (std::int64_t count : counts) {
    const double inverse =
        total / static_cast<double>(std::max<std::int64_t>(count, 1)) / static_cast<double>(counts.size());
    weights.push_back(found->weight(inverse));
  }
  return weights;
}

}  // namespace medusa::mtl

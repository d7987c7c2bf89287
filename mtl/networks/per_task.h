// PerTask: a part of a network that every task has one of.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mtl/task.h"
#include "nn/module.h"

namespace medusa::mtl {

// Modules of one type, at most one for each task.  Everything in the module of task t belongs to t
// (nn::Parameter::owner is t's index); names in files contain the task's name.  Made by Model::per_task.
template <class M>
class PerTask : public nn::Module {
 public:
  explicit PerTask(const std::vector<Task>& tasks) : modules_(tasks.size()) {
    for (const Task& task : tasks) names_.push_back(task.name);
  }
  template <class... Args>
  M& put(std::size_t task, Args&&... args) {
    return put(task, std::make_unique<M>(std::forward<Args>(args)...));
  }
  M& put(std::size_t task, std::unique_ptr<M> module) {
    check_task(task);
    module->set_owner(static_cast<int>(task));
    modules_[task] = &add(names_[task], std::move(module));
    return *modules_[task];
  }
  // The module of a task, or null if it has none.
  M* find(std::size_t task) const {
    check_task(task);
    return modules_[task];
  }
  M& operator[](std::size_t task) const {
    M* module = find(task);
    MEDUSA_CHECK(module != nullptr, "per task: task '{}' has no module here", names_[task]);
    return *module;
  }

 private:
  void check_task(std::size_t task) const {
    MEDUSA_CHECK(task < modules_.size(), "per task: task {} of {}", task, modules_.size());
  }

  std::vector<std::string> names_;
  std::vector<M*> modules_;  // null: the task has none
};

}  // namespace medusa::mtl

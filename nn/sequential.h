// Containers: modules in a row, in a list, by name.  Children of the first two are called "0", "1", ... as in PyTorch.
#pragma once

#include "nn/module.h"

namespace medusa::nn {

// y = f_k(.. f_1(f_0(x)))
class Sequential : public Module {
 public:
  // Appends a module and returns it: net.push<Conv2d>(3, 16, 3);
  template <class M, class... Args>
  M& push(Args&&... args) {
    M& child = add<M>(std::to_string(modules_.size()), std::forward<Args>(args)...);
    modules_.push_back(&child);
    return child;
  }
  Module& push(std::unique_ptr<Module> module) {
    modules_.push_back(&add(std::to_string(modules_.size()), std::move(module)));
    return *modules_.back();
  }
  std::size_t size() const { return modules_.size(); }
  Var forward(const Var& x) override {
    Var y = x;
    for (Module* module : modules_) y = module->forward(y);
    return y;
  }

 private:
  std::vector<Module*> modules_;
};

// A list of modules of one type; the owner decides how to use them.
template <class M>
class ModuleList : public Module {
 public:
  template <class... Args>
  M& push(Args&&... args) {
    return push(std::make_unique<M>(std::forward<Args>(args)...));
  }
  M& push(std::unique_ptr<M> module) {
    modules_.push_back(&add(std::to_string(modules_.size()), std::move(module)));
    return *modules_.back();
  }
  std::size_t size() const { return modules_.size(); }
  M& operator[](std::size_t i) const {
    MEDUSA_CHECK(i < modules_.size(), "module list: index {} of {} modules", i, modules_.size());
    return *modules_[i];
  }

 private:
  std::vector<M*> modules_;
};

// Modules of one type by name, in order of insertion.
template <class M>
class ModuleDict : public Module {
 public:
  template <class... Args>
  M& put(const std::string& name, Args&&... args) {
    return put(name, std::make_unique<M>(std::forward<Args>(args)...));
  }
  M& put(const std::string& name, std::unique_ptr<M> module) {
    M& child = *module;
    adopt(name, std::move(module));
    modules_.emplace_back(name, &child);
    return child;
  }
  // The module of this name, or null.
  M* find(const std::string& name) const {
    for (const auto& [key, module] : modules_)
      if (key == name) return module;
    return nullptr;
  }
  M& operator[](const std::string& name) const {
    M* module = find(name);
    MEDUSA_CHECK(module != nullptr, "module dict: no module is named '{}'", name);
    return *module;
  }
  std::size_t size() const { return modules_.size(); }

 private:
  std::vector<std::pair<std::string, M*>> modules_;
};

}  // namespace medusa::nn

#include "nn/module.h"

namespace medusa::nn {

namespace {

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace

Var Module::forward(const Var&) { fail("module: has no forward(x); call the function that its class documents"); }

void Module::check_name(const std::string& name) const {
  MEDUSA_CHECK(!name.empty() && name.find('.') == std::string::npos,
               "module: name '{}' is empty or has a '.', which separates the parts of a path", name);
  for (const Parameter& p : parameters_) MEDUSA_CHECK(p.name != name, "module: the name '{}' is taken", name);
  for (const Buffer& b : buffers_) MEDUSA_CHECK(b.name != name, "module: the name '{}' is taken", name);
  for (const auto& child : children_) MEDUSA_CHECK(child.first != name, "module: the name '{}' is taken", name);
}

Var Module::param(const std::string& name, const Shape& shape, Init init, Layout layout) {
  check_name(name);
  const Var zeros(Tensor::zeros(shape), true);
  parameters_.push_back({name, zeros, layout, init, kNoOwner, zeros.value().storage()->version});
  return zeros;
}

Tensor Module::buffer(const std::string& name, Tensor value) {
  check_name(name);
  buffers_.push_back({name, value});
  return value;
}

void Module::adopt(const std::string& name, std::unique_ptr<Module> child) {
  check_name(name);
  MEDUSA_CHECK(child != nullptr, "module: child '{}' is null", name);
  child->train(training_);
  children_.emplace_back(name, std::move(child));
}

void Module::set_owner(int owner) {
  MEDUSA_CHECK(owner >= 0, "module: owner {}: expected 0 or more", owner);
  owner_ = owner;
}

void Module::collect(const std::string& prefix, int owner, std::vector<Parameter>* parameters,
                     std::vector<Buffer>* buffers) const {
  if (owner_ != kNoOwner) owner = owner_;
  if (parameters)
    for (const Parameter& p : parameters_) {
      parameters->push_back(p);
      parameters->back().name = joined(prefix, p.name);
      parameters->back().owner = owner;
    }
  if (buffers)
    for (const Buffer& b : buffers_) buffers->push_back({joined(prefix, b.name), b.tensor, owner});
  for (const auto& [name, child] : children_) child->collect(joined(prefix, name), owner, parameters, buffers);
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> all;
  collect("", kNoOwner, &all, nullptr);
  return all;
}

std::vector<Buffer> Module::buffers() const {
  std::vector<Buffer> all;
  collect("", kNoOwner, nullptr, &all);
  return all;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& p : parameters()) count += p.var.value().numel();
  return count;
}

void Module::initialize(std::uint64_t seed) {
  for (Parameter& p : parameters()) p.init.fill(p.var.value(), seed, p.name);
}

void Module::train(bool on) {
  training_ = on;
  for (auto& child : children_) child.second->train(on);
}

void Module::zero_grad() {
  for (Parameter& p : parameters()) p.var.zero_grad();
}

void Module::to(Device device) {
  for (Parameter& p : parameters()) {
    p.var.zero_grad();
    const bool blank = !p.initialized();
    p.var.value().move_to(device);
    if (blank) p.var.value().storage()->version = p.blank;  // a move writes nothing
    p.var.node()->device = device;
  }
  for (Buffer& b : buffers()) b.tensor.move_to(device);
}

}  // namespace medusa::nn

#include "autograd/saved_tensor.h"

#include <cstdlib>
#include <cstring>

#include "autograd/trace.h"
#include "autograd/var.h"
#include "tensor/check.h"

namespace medusa {

namespace {

constexpr int kMostOps = 4;

Recompute from_environment() {
  const char* wish = std::getenv("MEDUSA_RECOMPUTE");
  if (wish == nullptr || *wish == '\0') return Recompute::OnCpu;
  MEDUSA_CHECK_INPUT(std::strcmp(wish, "0") == 0 || std::strcmp(wish, "1") == 0,
                     "MEDUSA_RECOMPUTE={}: expected 0 (keep values everywhere) or 1 (recompute them everywhere)", wish);
  return *wish == '0' ? Recompute::Never : Recompute::Always;
}

Recompute& setting() {
  static Recompute when = from_environment();
  return when;
}

}  // namespace

void set_recompute(Recompute when) { setting() = when; }
Recompute recompute_mode() { return setting(); }

Tensor SavedTensor::get() const {
  if (!recipe_) return value_;
  Tensor value = recipe_->compute();
  trace::recomputed(recipe_->op, value.shape());
  return value;
}

std::shared_ptr<const Recipe> recipe(const char* op, const std::vector<Var>& inputs, std::function<Tensor()> compute) {
  if (!grad_enabled() || recompute_mode() == Recompute::Never) return nullptr;
  bool recorded = false;
  int ops = 1;
  for (const Var& x : inputs) {
    if (x.device() != Device::CPU && recompute_mode() != Recompute::Always) return nullptr;
    recorded |= x.requires_grad();
    ops += x.saved().ops();
  }
  if (!recorded || ops > kMostOps) return nullptr;
  return std::make_shared<Recipe>(Recipe{op, std::move(compute), ops});
}

}  // namespace medusa

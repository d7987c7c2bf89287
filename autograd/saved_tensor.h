// SavedTensor: what a closure keeps of a value for the backward pass: the tensor, or a recipe for it.  A value that
// costs little beside a convolution (a norm, a ReLU, a sum, a product) need not lie in memory until the way back
// reaches it: it is computed once more, from what is kept anyway, with the same kernels and so to the same bits.
#pragma once

#include <functional>
#include <memory>

#include "tensor/tensor.h"

namespace medusa {

class Var;

// How to compute a value again.  `ops` counts the kernels that this takes, those of its own ingredients included.
struct Recipe {
  const char* op;
  std::function<Tensor()> compute;
  int ops = 1;
};

class SavedTensor {
 public:
  SavedTensor() = default;                                 // nothing: false in a condition
  SavedTensor(Tensor value) : value_(std::move(value)) {}  // NOLINT: a tensor is a way to keep a value
  explicit SavedTensor(std::shared_ptr<const Recipe> recipe) : recipe_(std::move(recipe)) {}
  explicit operator bool() const { return value_ || recipe_; }
  // The value; computed now where there is only a recipe, and then as the caller's alone.
  Tensor get() const;
  int ops() const { return recipe_ ? recipe_->ops : 0; }

 private:
  Tensor value_;
  std::shared_ptr<const Recipe> recipe_;
};

// For an op that is cheap beside what surrounds it: the recipe of its output, from ingredients as kept by Var::saved().
// Null where the output should be kept as it is: nothing is recorded, the recipe would take more than 4 kernels, or
// recomputing is off.
std::shared_ptr<const Recipe> recipe(const char* op, const std::vector<Var>& inputs, std::function<Tensor()> compute);

// What an op's own closure keeps of its output.
inline SavedTensor saved_output(const Tensor& y, const std::shared_ptr<const Recipe>& recompute) {
  return recompute ? SavedTensor(recompute) : SavedTensor(y);
}

// Whether recipes are used: on the CPU yes, on a GPU no (there the cheap ops weigh more beside the convolutions),
// unless MEDUSA_RECOMPUTE=1 (everywhere) or 0 (nowhere) is in the environment, or set here.
enum class Recompute { Never, OnCpu, Always };
void set_recompute(Recompute when);
Recompute recompute_mode();

}  // namespace medusa

// Optimisers: SGD, Adam, AdamW; gradient clipping.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/geometry.h"
#include "tensor/options.h"

namespace medusa::nn {

class Optimizer {
 public:
  explicit Optimizer(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {}
  virtual ~Optimizer() = default;

  // One update from the gradients that backward() left; parameters without a gradient stay as they are.
  // lr: learning rate of this step; grad_scale: factor on every gradient (clipping).  Throws Error, and changes
  // nothing, if a parameter has no initial values yet (see Parameter::initialized).
  void step(double lr, double grad_scale = 1);
  void zero_grad();
  std::int64_t steps() const { return steps_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // Everything needed to resume bit for bit: tensors by "<parameter>.<slot>", and the number of steps.
  std::map<std::string, Tensor> state() const;
  void set_state(const std::map<std::string, Tensor>& state, std::int64_t steps);

 protected:
  virtual std::vector<std::string> slots() const = 0;  // names of the tensors saved per parameter: "m", "v"
  // One step on all parameters that have a gradient, in one kernel call.
  virtual void update(Device device, const std::vector<ParameterSpan>& spans, double lr, double grad_scale) = 0;
  std::int64_t steps_ = 0;

 private:
  std::vector<Parameter> parameters_;
  std::map<std::string, std::vector<Tensor>> slots_;
};

struct OptimizerOptions {
  std::string name = "adam";  // one of optimizers()
  double momentum = 0;        // sgd
  bool nesterov = false;      // sgd
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0;

  void declare(Options& o);
};
// Throws InputError where the name is unknown (lists the names) or an option out of range.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters);
std::vector<std::string> optimizers();

// The sum of squares of all gradients, left on their device as two numbers to add up (see kernels::inner_product);
// an empty tensor if no parameter has a gradient.
Tensor grad_squares(const std::vector<Parameter>& parameters);
// The L2 norm of all gradients together.
double grad_norm(const std::vector<Parameter>& parameters);
// The factor for Optimizer::step that brings the norm down to max_norm: min(1, max_norm / norm).
inline double clip_factor(double norm, double max_norm) { return norm > max_norm ? max_norm / norm : 1; }

// The optimisers as classes, for a module or a list of parameters: nn::Adam adam(net, {.weight_decay = 1e-4});
// They ignore `options.name`, and throw InputError if an option is out of range.

// Stochastic gradient descent, with `momentum` and `nesterov`.
class Sgd : public Optimizer {
 public:
  explicit Sgd(std::vector<Parameter> parameters, const OptimizerOptions& options = {});
  explicit Sgd(const Module& module, const OptimizerOptions& options = {}) : Sgd(module.parameters(), options) {}

 protected:
  std::vector<std::string> slots() const override;
  void update(Device device, const std::vector<ParameterSpan>& spans, double lr, double grad_scale) override;

 private:
  OptimizerOptions options_;
};

// Adam, with `beta1`, `beta2` and `eps`; weight decay is added to the gradient.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<Parameter> parameters, const OptimizerOptions& options = {})
      : Adam(std::move(parameters), options, false) {}
  explicit Adam(const Module& module, const OptimizerOptions& options = {}) : Adam(module.parameters(), options) {}

 protected:
  Adam(std::vector<Parameter> parameters, const OptimizerOptions& options, bool decoupled);
  std::vector<std::string> slots() const override;
  void update(Device device, const std::vector<ParameterSpan>& spans, double lr, double grad_scale) override;

 private:
  OptimizerOptions options_;
  bool decoupled_;
};

// Adam whose weight decay shrinks the parameters and leaves the gradient alone.
class AdamW : public Adam {
 public:
  explicit AdamW(std::vector<Parameter> parameters, const OptimizerOptions& options = {})
      : Adam(std::move(parameters), options, true) {}
  explicit AdamW(const Module& module, const OptimizerOptions& options = {}) : AdamW(module.parameters(), options) {}
};

}  // namespace medusa::nn

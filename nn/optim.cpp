// Optimisers, as PyTorch defines them.  d = grad_scale dL/dp; lr: the rate of this step.
#include "nn/optim.h"

#include <cmath>
#include <set>

#include "tensor/kernels.h"

namespace medusa::nn {

void Optimizer::step(double lr, double grad_scale) {
  NoGrad no_grad;
  ++steps_;
  const std::vector<std::string> names = slots();
  for (Parameter& parameter : parameters_) {
    std::vector<Tensor>& tensors = slots_[parameter.name];
    while (tensors.size() < names.size())
      tensors.push_back(Tensor::zeros(parameter.var.shape(), parameter.var.device()));
    if (parameter.var.grad()) update(parameter.var, tensors, lr, grad_scale);
  }
}

void Optimizer::zero_grad() {
  for (Parameter& parameter : parameters_) parameter.var.zero_grad();
}

std::map<std::string, Tensor> Optimizer::state() const {
  std::map<std::string, Tensor> state;
  const std::vector<std::string> names = slots();
  for (const auto& [parameter, tensors] : slots_)
    for (std::size_t i = 0; i < tensors.size(); ++i) state[parameter + "." + names[i]] = tensors[i];
  return state;
}

void Optimizer::set_state(const std::map<std::string, Tensor>& state, std::int64_t steps) {
  MEDUSA_CHECK_INPUT(steps >= 0, "optimizer state: {} steps, expected 0 or more", steps);
  std::map<std::string, std::vector<Tensor>> slots_read;
  std::set<std::string> known;
  for (const Parameter& parameter : parameters_) {
    if (steps == 0 && state.empty()) break;  // nothing has happened yet
    std::vector<Tensor>& tensors = slots_read[parameter.name];
    for (const std::string& slot : slots()) {
      const std::string name = parameter.name + "." + slot;
      const auto found = state.find(name);
      MEDUSA_CHECK_INPUT(found != state.end(), "optimizer state: '{}' is missing", name);
      MEDUSA_CHECK_INPUT(found->second.shape() == parameter.var.shape(),
                         "optimizer state: '{}' has shape {}, the parameter {}", name, found->second.shape(),
                         parameter.var.shape());
      Tensor own = Tensor::empty(parameter.var.shape(), parameter.var.device());
      own.copy_from(found->second);
      tensors.push_back(own);
      known.insert(name);
    }
  }
  for (const auto& entry : state)
    MEDUSA_CHECK_INPUT(known.count(entry.first) == 1,
                       "optimizer state: unexpected '{}' (of another model or optimizer?)", entry.first);
  slots_ = std::move(slots_read);
  steps_ = steps;
}

namespace {

// u = mu u + (d + weight_decay p);  p -= lr u, or with Nesterov p -= lr (d + weight_decay p + mu u)
// (Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum", 2013, in PyTorch's form)
class Sgd : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<Parameter> parameters)
      : Optimizer(std::move(parameters)), options_(options) {}

 protected:
  std::vector<std::string> slots() const override {
    return options_.momentum != 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{};
  }
  void update(Var& p, std::vector<Tensor>& slots, double lr, double grad_scale) override {
    kernels::sgd_step(p.device(), p.value().mutable_data(), p.grad().data(),
                      slots.empty() ? nullptr : slots[0].mutable_data(), lr, options_.momentum, options_.weight_decay,
                      options_.nesterov, grad_scale, p.value().numel());
  }

 private:
  OptimizerOptions options_;
};

// m = b1 m + (1 - b1) d,  v = b2 v + (1 - b2) d^2,  p -= lr m / (1 - b1^i) / (sqrt(v / (1 - b2^i)) + eps) at step i
// (Kingma, Ba, "Adam", 2015, algorithm 1).  Weight decay w: Adam adds w p to d; AdamW first shrinks p by 1 - lr w
// (Loshchilov, Hutter, "Decoupled weight decay regularization", 2019).
class Adam : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<Parameter> parameters)
      : Optimizer(std::move(parameters)), options_(options) {}

 protected:
  std::vector<std::string> slots() const override { return {"m", "v"}; }
  void update(Var& p, std::vector<Tensor>& slots, double lr, double grad_scale) override {
    const double i = static_cast<double>(steps_);
    kernels::adam_step(p.device(), p.value().mutable_data(), p.grad().data(), slots[0].mutable_data(),
                       slots[1].mutable_data(), lr, options_.beta1, options_.beta2, options_.eps, options_.weight_decay,
                       options_.name == "adamw", 1 - std::pow(options_.beta1, i), 1 - std::pow(options_.beta2, i),
                       grad_scale, p.value().numel());
  }

 private:
  OptimizerOptions options_;
};

void check_options(const OptimizerOptions& o) {
  MEDUSA_CHECK_INPUT(o.momentum >= 0 && o.momentum < 1, "optimizer: momentum is {}, expected 0 <= momentum < 1",
                     o.momentum);
  MEDUSA_CHECK_INPUT(!o.nesterov || o.momentum > 0, "optimizer: nesterov needs a momentum above 0");
  MEDUSA_CHECK_INPUT(o.beta1 >= 0 && o.beta1 < 1, "optimizer: beta1 is {}, expected 0 <= beta1 < 1", o.beta1);
  MEDUSA_CHECK_INPUT(o.beta2 >= 0 && o.beta2 < 1, "optimizer: beta2 is {}, expected 0 <= beta2 < 1", o.beta2);
  MEDUSA_CHECK_INPUT(o.eps >= 0, "optimizer: eps is {}, expected 0 or more", o.eps);
  MEDUSA_CHECK_INPUT(o.weight_decay >= 0, "optimizer: weight decay is {}, expected 0 or more", o.weight_decay);
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters) {
  check_options(options);
  if (options.name == "sgd") return std::make_unique<Sgd>(options, std::move(parameters));
  if (options.name == "adam" || options.name == "adamw") return std::make_unique<Adam>(options, std::move(parameters));
  fail_input("optimizer '{}': expected sgd, adam or adamw", options.name);
}

double grad_norm(const std::vector<Parameter>& parameters) {
  Tensor sum;
  for (const Parameter& parameter : parameters) {
    const Tensor& g = parameter.var.grad();
    if (!g) continue;
    if (!sum) sum = Tensor::zeros({1}, g.device());
    kernels::sum_squares(g.device(), g.data(), sum.mutable_data(), g.numel());
  }
  return sum ? std::sqrt(static_cast<double>(sum.item())) : 0;
}

}  // namespace medusa::nn

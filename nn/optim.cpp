// Optimisers, as PyTorch defines them.  d = grad_scale dL/dp; lr: the rate of this step.
#include "nn/optim.h"

#include <cmath>
#include <set>

#include "tensor/kernels.h"

namespace medusa::nn {

void Optimizer::step(double lr, double grad_scale) {
  NoGrad no_grad;
  for (const Parameter& parameter : parameters_)
    MEDUSA_CHECK(parameter.initialized(),
                 "optimizer: parameter '{}' has no initial values; call initialize(seed) on the network or load a "
                 "checkpoint before the first step",
                 parameter.name);
  ++steps_;
  const std::size_t slot_count = slots().size();
  std::vector<ParameterSpan> spans;
  for (Parameter& parameter : parameters_) {
    Var& p = parameter.var;
    std::vector<Tensor>& tensors = slots_[parameter.name];
    while (tensors.size() < slot_count) tensors.push_back(Tensor::zeros(p.shape(), p.device()));
    if (!p.grad()) continue;
    MEDUSA_CHECK(p.grad().device() == p.device() && p.device() == parameters_[0].var.device(),
                 "optimizer: parameter '{}' is on {}, its gradient on {}, the first parameter on {}", parameter.name,
                 name(p.device()), name(p.grad().device()), name(parameters_[0].var.device()));
    ParameterSpan span{p.value().mutable_data(), p.grad().data(), nullptr, nullptr, p.value().numel()};
    if (slot_count > 0) span.first = tensors[0].mutable_data();
    if (slot_count > 1) span.second = tensors[1].mutable_data();
    spans.push_back(span);
  }
  if (!spans.empty()) update(parameters_[0].var.device(), spans, lr, grad_scale);
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
    if (steps == 0 && state.empty()) break;  // no step yet
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
                       "optimizer state: unexpected '{}' (from another model or optimizer?)", entry.first);
  slots_ = std::move(slots_read);
  steps_ = steps;
}

namespace {

void check(const OptimizerOptions& options) {
  check_options(options, "optimizer: ");
  MEDUSA_CHECK_INPUT(!options.nesterov || options.momentum > 0, "optimizer: nesterov needs a momentum above 0");
}

template <class O>
std::unique_ptr<Optimizer> make(const OptimizerOptions& options, std::vector<Parameter> parameters) {
  return std::make_unique<O>(std::move(parameters), options);
}

// A new optimiser is one more line here.
struct Row {
  const char* name;
  std::unique_ptr<Optimizer> (*make)(const OptimizerOptions&, std::vector<Parameter>);
};
constexpr Row kOptimizers[] = {{"sgd", make<Sgd>}, {"adam", make<Adam>}, {"adamw", make<AdamW>}};

}  // namespace

std::vector<std::string> optimizers() {
  std::vector<std::string> names;
  for (const Row& row : kOptimizers) names.emplace_back(row.name);
  return names;
}

void OptimizerOptions::declare(Options& o) {
  o.add("optimizer", name, "optimizer: how a step changes the weights").one_of(optimizers());
  o.add("weight-decay", weight_decay, "weight decay (adamw: decoupled; else added to the gradient)").at_least(0);
  o.add("momentum", momentum, "sgd: momentum, 0 to 1").from_to_below(0, 1);
  o.add("nesterov", nesterov, "sgd: Nesterov momentum");
  o.add("beta1", beta1, "adam, adamw: weight of the past in the gradients' running mean").from_to_below(0, 1);
  o.add("beta2", beta2, "adam, adamw: weight of the past in the squares' running mean").from_to_below(0, 1);
  o.add("eps", eps, "adam, adamw: added to the root of that mean, against division by 0").at_least(0);
}

// u = mu u + (d + weight_decay p);  p -= lr u, or with Nesterov p -= lr (d + weight_decay p + mu u)
// (Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum", 2013, in PyTorch's form)
Sgd::Sgd(std::vector<Parameter> parameters, const OptimizerOptions& options)
    : Optimizer(std::move(parameters)), options_(options) {
  check(options);
}

std::vector<std::string> Sgd::slots() const {
  return options_.momentum != 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{};
}

void Sgd::update(Device device, const std::vector<ParameterSpan>& spans, double lr, double grad_scale) {
  kernels::sgd_steps(device, spans.data(), static_cast<std::int64_t>(spans.size()), lr, options_.momentum,
                     options_.weight_decay, options_.nesterov, grad_scale);
}

// m = b1 m + (1 - b1) d,  v = b2 v + (1 - b2) d^2,  p -= lr m / (1 - b1^i) / (sqrt(v / (1 - b2^i)) + eps) at step i
// (Kingma, Ba, "Adam", 2015, algorithm 1).  Weight decay w: Adam adds w p to d; AdamW first shrinks p by 1 - lr w
// (Loshchilov, Hutter, "Decoupled weight decay regularization", 2019).
Adam::Adam(std::vector<Parameter> parameters, const OptimizerOptions& options, bool decoupled)
    : Optimizer(std::move(parameters)), options_(options), decoupled_(decoupled) {
  check(options);
}

std::vector<std::string> Adam::slots() const { return {"m", "v"}; }

void Adam::update(Device device, const std::vector<ParameterSpan>& spans, double lr, double grad_scale) {
  const double i = static_cast<double>(steps_);
  kernels::adam_steps(device, spans.data(), static_cast<std::int64_t>(spans.size()), lr, options_.beta1, options_.beta2,
                      options_.eps, options_.weight_decay, decoupled_, 1 - std::pow(options_.beta1, i),
                      1 - std::pow(options_.beta2, i), grad_scale);
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters) {
  check(options);
  for (const Row& row : kOptimizers)
    if (options.name == row.name) return row.make(options, std::move(parameters));
  fail("optimizer '{}' is not in its table", options.name);
}

Tensor grad_squares(const std::vector<Parameter>& parameters) {
  std::vector<PairSpan> spans;
  Tensor sum;
  for (const Parameter& parameter : parameters) {
    const Tensor& g = parameter.var.grad();
    if (!g) continue;
    if (!sum) sum = Tensor::empty({2}, g.device());
    MEDUSA_CHECK(g.device() == sum.device(), "grad_norm: the gradients are on different devices");
    spans.push_back({g.data(), g.data(), g.numel()});
  }
  if (sum)
    kernels::inner_product(sum.device(), spans.data(), static_cast<std::int64_t>(spans.size()), sum.mutable_data());
  return sum;
}

double grad_norm(const std::vector<Parameter>& parameters) {
  const Tensor squares = grad_squares(parameters);
  if (!squares) return 0;
  const std::vector<real> parts = squares.to_vector();
  return std::sqrt(static_cast<double>(parts[0]) + static_cast<double>(parts[1]));
}

}  // namespace medusa::nn

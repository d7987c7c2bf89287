#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa {

namespace {

using Op = std::function<Var(const std::vector<Var>&)>;

constexpr std::uint64_t kOpSeed = 7;  // the same for every call, or dropout would be another function each time

std::vector<double> as_double(const std::vector<real>& values) { return {values.begin(), values.end()}; }

std::vector<Tensor> gradients(const Op& op, const std::vector<Tensor>& inputs, const std::vector<real>& weights) {
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.emplace_back(input.clone(), true);
  seed_ops(kOpSeed);
  const Var y = op(leaves);
  y.backward(Tensor::from(weights, y.shape(), y.device()));
  std::vector<Tensor> grads;
  for (const Var& leaf : leaves) grads.push_back(leaf.grad() ? leaf.grad() : Tensor::zeros(leaf.shape()));
  return grads;
}

// sum w y, added up in double
double weighted_sum(const Op& op, const std::vector<Tensor>& inputs, const std::vector<real>& weights) {
  NoGrad no_grad;
  seed_ops(kOpSeed);
  const std::vector<real> y = op({inputs.begin(), inputs.end()}).value().to_vector();
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(weights[i]) * static_cast<double>(y[i]);
  return sum;
}

std::vector<double> numeric_gradient(const Op& op, std::vector<Tensor> inputs, std::size_t i,
                                     const std::vector<real>& weights, double step) {
  const Shape shape = inputs[i].shape();
  const Device device = inputs[i].device();
  std::vector<double> x = as_double(inputs[i].to_vector());
  const auto loss = [&] {
    inputs[i] = Tensor::from({x.begin(), x.end()}, shape, device);
    return weighted_sum(op, inputs, weights);
  };
  return central_differences(x, loss, step);
}

void compare(const std::string& name, std::size_t input, const std::vector<double>& got,
             const std::vector<double>& want, double tolerance) {
  double scale = 1e-3;
  for (double g : want) scale = std::fmax(scale, std::fabs(g));
  for (std::size_t k = 0; k < want.size(); ++k)
    MEDUSA_CHECK(std::fabs(got[k] - want[k]) <= tolerance * scale,
                 "{}: the gradient of input {} is {} at element {}, central differences say {}", name, input, got[k], k,
                 want[k]);
}

}  // namespace

std::vector<double> central_differences(std::vector<double>& x, const std::function<double()>& loss, double step) {
  std::vector<double> gradient(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double here = x[k];
    x[k] = here + step;
    const double up = loss();
    x[k] = here - step;
    const double down = loss();
    x[k] = here;
    gradient[k] = (up - down) / (2 * step);
  }
  return gradient;
}

void check_gradients(const std::string& name, const Op& op, const std::vector<Tensor>& inputs,
                     const GradCheckOptions& options) {
  const OpSeed before = op_seed_state();
  const std::vector<Var> constants(inputs.begin(), inputs.end());
  Random random(options.seed, stream_of(name));
  std::vector<real> weights(static_cast<std::size_t>(op(constants).shape().numel()));
  for (real& weight : weights) weight = static_cast<real>(random.normal());

  const std::vector<Tensor> got = gradients(op, inputs, weights);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    compare(name, i, as_double(got[i].to_vector()), numeric_gradient(op, inputs, i, weights, options.step),
            options.tolerance);
  set_op_seed_state(before);
}

}  // namespace medusa

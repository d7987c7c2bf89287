#include "mtl/training/finite_check.h"

#include <cmath>

#include "autograd/ops.h"

namespace medusa::mtl {

bool finite(const Tensor& x) {
  const Tensor host = x.to(Device::CPU);
  const real* values = host.data();
  for (std::int64_t i = 0; i < host.numel(); ++i)
    if (!std::isfinite(values[i])) return false;
  return true;
}

void check_classes(const Task& task, const Tensor& target) {
  if (!task.has_class_numbers() || !target) return;
  Shape shape = target.shape();
  shape[-1] = task.channels;
  const NoGrad no_grad;
  cross_entropy(Var(Tensor::zeros(shape)), target.to(Device::CPU));
}

std::string sample_list(const datasets::Batch& batch) {
  constexpr std::size_t kMost = 32;
  std::string text;
  for (std::size_t i = 0; i < batch.ids.size() && i < kMost; ++i) text += (i > 0 ? ", " : "") + batch.ids[i];
  if (batch.ids.size() > kMost) text += fmt::format(" and {} more", batch.ids.size() - kMost);
  return text;
}

namespace {

std::string first_not_finite(const Model& model, const datasets::Batch& batch, const std::vector<Var>& outputs,
                             const std::vector<Var>& losses) {
  const std::vector<Task>& tasks = model.tasks();
  if (!finite(batch.input)) return "the input";
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const Tensor& target = batch.targets[t].value;
    if (target && !finite(target)) return "the target of task " + tasks[t].name;
    check_classes(tasks[t], target);
  }
  for (const nn::Parameter& p : model.parameters())
    if (!finite(p.var.value())) return "parameter " + p.name;
  for (const nn::Buffer& b : model.buffers())
    if (!finite(b.tensor)) return "running statistics " + b.name;
  for (std::size_t t = 0; t < outputs.size(); ++t)
    if (!finite(outputs[t].value())) return "the output of task " + tasks[t].name;
  for (std::size_t t = 0; t < losses.size(); ++t)
    if (losses[t] && !finite(losses[t].value())) return "the loss of task " + tasks[t].name;
  for (const nn::Parameter& p : model.parameters())
    if (p.var.grad() && !finite(p.var.grad())) return "the gradient of " + p.name;
  return "the norm of the gradients (each of them is finite)";
}

}  // namespace

void report_not_finite(const Model& model, const datasets::Batch& batch, const std::vector<Var>& outputs,
                       const std::vector<Var>& losses, std::int64_t epoch, std::int64_t step) {
  std::string values;
  for (std::size_t t = 0; t < losses.size(); ++t)
    if (losses[t])
      values += fmt::format("{}{} {:.4g}", values.empty() ? "" : ", ", model.tasks()[t].name,
                            static_cast<double>(losses[t].item()));
  fail("training: {} is not finite in epoch {}, step {} (losses: {}; samples: {})",
       first_not_finite(model, batch, outputs, losses), epoch, step, values, sample_list(batch));
}

}  // namespace medusa::mtl

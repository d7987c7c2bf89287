#include "mtl/task.h"

#include <algorithm>
#include <set>

#include "autograd/ops.h"

namespace medusa::mtl {

namespace {

bool well_formed(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// The samples (axis 0) that have a label, in order.
Var labelled_rows(const Var& x, const std::vector<bool>& labelled) {
  std::vector<Var> runs;
  for (std::size_t begin = 0, end = 0; begin < labelled.size(); begin = end) {
    for (end = begin; end < labelled.size() && labelled[end] == labelled[begin];) ++end;
    if (labelled[begin])
      runs.push_back(slice(x, 0, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end - begin)));
  }
  return runs.size() == 1 ? runs[0] : concat(runs, 0);
}

Tensor labelled_rows(const Tensor& x, const std::vector<bool>& labelled) {
  return x ? labelled_rows(Var(x), labelled).value() : x;
}

void check_shapes(const Task& task, const Var& y, const Tensor& target, const std::vector<bool>& labelled) {
  MEDUSA_CHECK(y.rank() >= 2 && y.size(-1) == task.channels, "task '{}': expects outputs with {} channels, got {}",
               task.name, task.channels, y.shape());
  Shape expected = y.shape();
  if (has_class_numbers(task)) expected[-1] = 1;
  MEDUSA_CHECK(target && target.shape() == expected, "task '{}': outputs {} need a target {}, got {}", task.name,
               y.shape(), expected, target.shape());
  MEDUSA_CHECK(labelled.empty() || static_cast<std::int64_t>(labelled.size()) == y.size(0),
               "task '{}': `labelled` speaks of {} samples, the batch has {}", task.name, labelled.size(), y.size(0));
}

Var class_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask) {
  CrossEntropyOptions options;
  options.mask = mask;
  if (!task.class_weight.empty() && task.kind == TaskKind::Classification) {
    Task::WeightCache& cache = task.weight_cache;
    if (cache.weight != task.class_weight || cache.tensor.device() != y.device()) {
      const std::vector<real> weight(task.class_weight.begin(), task.class_weight.end());
      cache = {task.class_weight, Tensor::from(weight, {task.channels}, y.device())};
    }
    options.weight = cache.tensor;
  }
  return cross_entropy(y, target, options);
}

// A structure that nobody outlined is no evidence of its absence: it must neither count as missed nor as well left out.
// Dice: with p and t set to 0 its ratio is s / s = 1, so 1 - D adds nothing to the sum; what is left is to divide by
// the number of outlined structures instead of all.  [ours]
Var structures_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask) {
  constexpr real kSmooth = real(1e-5);
  if (!mask) return dice_loss(sigmoid(y), target, kSmooth) + bce_with_logits(y, target);
  Shape expected(std::vector<std::int64_t>(static_cast<std::size_t>(y.rank()), 1));
  expected[0] = y.size(0);
  expected[-1] = y.size(-1);
  MEDUSA_CHECK(mask.shape() == expected, "task '{}': outputs {} need a mask {} of outlined structures, got {}",
               task.name, y.shape(), expected, mask.shape());
  double outlined = 0;
  for (real m : mask.to_vector()) outlined += static_cast<double>(m);
  if (outlined == 0) return weighted_sum(y, Tensor::zeros(y.shape(), y.device()));
  const Var present(mask);
  const Var dice = dice_loss(sigmoid(y) * present, mul(Var(target), present).value(), kSmooth);
  const Tensor everywhere = mul(Var(Tensor::ones(y.shape(), y.device())), present).value();
  return dice * static_cast<real>(static_cast<double>(mask.numel()) / outlined) +
         bce_with_logits(y, target, everywhere);
}

}  // namespace

bool has_class_numbers(const Task& task) {
  return task.kind == TaskKind::Classification || (task.kind == TaskKind::Segmentation && task.channels > 1);
}

void check_tasks(const std::vector<Task>& tasks) {
  MEDUSA_CHECK_INPUT(!tasks.empty(), "tasks: none given, expected at least one");
  std::set<std::string> names;
  for (const Task& task : tasks) {
    MEDUSA_CHECK_INPUT(well_formed(task.name), "task name '{}': expected letters, digits, '_' and '-' only", task.name);
    MEDUSA_CHECK_INPUT(names.insert(task.name).second, "task name '{}' is given twice", task.name);
    MEDUSA_CHECK_INPUT(task.channels >= 1, "task '{}': channels must be at least 1, got {}", task.name, task.channels);
    MEDUSA_CHECK_INPUT(task.scale > 0, "task '{}': scale must be above 0, got {}", task.name, task.scale);
    MEDUSA_CHECK_INPUT(
        task.class_weight.empty() || static_cast<std::int64_t>(task.class_weight.size()) == task.channels,
        "task '{}': expected a class weight for each of {} classes, got {}", task.name, task.channels,
        task.class_weight.size());
  }
}

Var task_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask,
              const std::vector<bool>& labelled) {
  check_shapes(task, y, target, labelled);
  const auto with_label = std::count(labelled.begin(), labelled.end(), true);
  if (!labelled.empty() && with_label == 0)  // a zero that backward() can still pass through
    return weighted_sum(y, Tensor::zeros(y.shape(), y.device()));
  if (with_label < static_cast<std::ptrdiff_t>(labelled.size()))
    return task_loss(task, labelled_rows(y, labelled), labelled_rows(target, labelled), labelled_rows(mask, labelled));

  switch (task.kind) {
    case TaskKind::Segmentation:
      if (task.channels == 1) return dice_loss(sigmoid(y), target, real(1e-5), mask) + bce_with_logits(y, target, mask);
      return dice_loss(softmax(y), one_hot(target, task.channels), real(1e-5), mask) +
             class_loss(task, y, target, mask);
    case TaskKind::Structures: return structures_loss(task, y, target, mask);
    case TaskKind::Regression: return l1_loss(y, target, mask);
    case TaskKind::Classification: return class_loss(task, y, target, mask);
    case TaskKind::Binary: return bce_with_logits(y, target, mask);
    case TaskKind::Scalar: return l1_loss(y, target);
  }
  fail("task '{}': unknown kind {}", task.name, static_cast<int>(task.kind));
}

}  // namespace medusa::mtl

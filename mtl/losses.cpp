#include "mtl/losses.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "autograd/ops.h"

namespace medusa::mtl {

namespace {

constexpr real kSmooth = real(1e-5);  // for Dice

// ---- the table ------------------------------------------------------------------------------------------------------

// A structure without an outline may still be in the image, so predicting it is neither right nor wrong.  With p and t
// set to 0 its ratio is s / s = 1, so 1 - D adds nothing to the sum; it remains to divide by the number of outlined
// structures instead of all.  [ours]
Var dice(const LossInput& in) {
  if (in.task.has_class_numbers())
    return dice_loss(softmax(in.y), one_hot(in.target, in.task.channels), kSmooth, in.mask);
  if (!in.outlined) return dice_loss(sigmoid(in.y), in.target, kSmooth, in.mask);
  const Var present(in.outlined);
  return dice_loss(sigmoid(in.y) * present, mul(Var(in.target), present).value(), kSmooth) *
         static_cast<real>(in.per_outlined);
}

Var cross_entropy_of(const LossInput& in) {
  CrossEntropyOptions options;
  options.mask = in.mask;
  const Task& task = in.task;
  if (!task.class_weight.empty() && !task.traits().pixel_level) {
    Task::WeightCache& cache = task.weight_cache;
    if (cache.weight != task.class_weight || cache.tensor.device() != in.y.device()) {
      const std::vector<real> weight(task.class_weight.begin(), task.class_weight.end());
      cache = {task.class_weight, Tensor::from(weight, {task.channels}, in.y.device())};
    }
    options.weight = cache.tensor;
  }
  return cross_entropy(in.y, in.target, options);
}

bool regions(const Task& task) { return task.traits().pixel_level && !task.traits().in_units; }
bool yes_or_no(const Task& task) { return !task.has_class_numbers() && !task.traits().in_units; }
bool class_numbers(const Task& task) { return task.has_class_numbers(); }
bool amounts(const Task& task) { return task.traits().in_units; }

std::vector<Loss>& table() {
  static std::vector<Loss> rows = {
      {"dice", "1 - soft Dice", regions, dice},
      {"bce", "binary cross-entropy", yes_or_no,
       [](const LossInput& in) { return bce_with_logits(in.y, in.target, in.mask); }},
      {"focal", "binary cross-entropy times (1 - p)^2, p the probability of the true answer", yes_or_no,
       [](const LossInput& in) { return focal_loss(in.y, in.target, 2, in.mask); }},
      {"cross_entropy", "cross-entropy, weighted by --class-weights", class_numbers, cross_entropy_of},
      {"l1", "absolute error", amounts, [](const LossInput& in) { return l1_loss(in.y, in.target, in.mask); }},
      {"mse", "squared error", amounts, [](const LossInput& in) { return mse_loss(in.y, in.target, in.mask); }},
      {"smooth_l1", "squared error below 1 (times the target's scale), else absolute", amounts,
       [](const LossInput& in) { return smooth_l1_loss(in.y, in.target, 1, in.mask); }},
  };
  return rows;
}

}  // namespace

const std::vector<Loss>& losses() { return table(); }

void add_loss(const Loss& loss) {
  for (const Loss& row : table())
    MEDUSA_CHECK(std::string(row.name) != loss.name, "losses: the name {} is taken", row.name);
  table().push_back(loss);
}

namespace {

// ---- a sum of losses by name ----------------------------------------------------------------------------------------

struct Term {
  double factor = 1;
  const Loss* loss = nullptr;
};

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

// "0.5*focal"; without a loss if the text is malformed, or the loss unknown or unfit.
Term term_of(const Task& task, const std::string& text) {
  Term term;
  const std::size_t star = text.find('*');
  const std::string name = trimmed(star == std::string::npos ? text : text.substr(star + 1));
  if (star != std::string::npos) {
    const std::string factor = trimmed(text.substr(0, star));
    const auto [stop, error] = std::from_chars(factor.data(), factor.data() + factor.size(), term.factor);
    if (error != std::errc{} || stop != factor.data() + factor.size() || !std::isfinite(term.factor) ||
        term.factor <= 0)
      return {};
  }
  for (const Loss& row : losses())
    if (row.name == name && row.fits(task)) term.loss = &row;
  return term;
}

std::vector<Term> terms_of(const Task& task) {
  const std::string sum = loss_of(task);
  std::vector<Term> terms;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = sum.find('+', begin);
    terms.push_back(term_of(task, sum.substr(begin, end == std::string::npos ? end : end - begin)));
    if (terms.back().loss != nullptr) continue;
    std::vector<std::string> fitting;
    for (const Loss& row : losses())
      if (row.fits(task)) fitting.emplace_back(row.name);
    fail_input(
        "task '{}': loss '{}': expected a sum of losses that fit {} with {} channel{}: {} (or with a factor, 0.5*{})",
        task.name, sum, name(task.kind), task.channels, task.channels == 1 ? "" : "s", fmt::join(fitting, ", "),
        fitting.front());
  }
  return terms;
}

// ---- what counts ----------------------------------------------------------------------------------------------------

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
  if (task.has_class_numbers()) expected[-1] = 1;
  MEDUSA_CHECK(target && target.shape() == expected, "task '{}': outputs {} need a target {}, got {}", task.name,
               y.shape(), expected, target.shape());
  MEDUSA_CHECK(labelled.empty() || static_cast<std::int64_t>(labelled.size()) == y.size(0),
               "task '{}': `labelled` has {} entries, the batch {} samples", task.name, labelled.size(), y.size(0));
}

// Takes `mask` as one of channels.  False if it leaves none.
bool set_outlined(LossInput* in, const Tensor& mask) {
  Shape expected(std::vector<std::int64_t>(static_cast<std::size_t>(in->y.rank()), 1));
  expected[0] = in->y.size(0);
  expected[-1] = in->y.size(-1);
  MEDUSA_CHECK(mask.shape() == expected, "task '{}': outputs {} need a mask {} of outlined structures, got {}",
               in->task.name, in->y.shape(), expected, mask.shape());
  double outlined = 0;
  for (real m : mask.to_vector()) outlined += static_cast<double>(m);
  if (outlined == 0) return false;
  in->outlined = mask;
  in->per_outlined = static_cast<double>(mask.numel()) / outlined;
  in->mask = mul(Var(Tensor::ones(in->y.shape(), in->y.device())), Var(mask)).value();
  return true;
}

// A zero that backward() can pass through.
Var nothing(const Var& y) { return weighted_sum(y, Tensor::zeros(y.shape(), y.device())); }

}  // namespace

std::string loss_of(const Task& task) {
  if (!task.loss.empty()) return task.loss;
  const KindTraining& kind = training_of(task.kind);
  return task.has_class_numbers() ? kind.loss_of_classes : kind.loss;
}

void check_loss(const Task& task) { terms_of(task); }

Var task_loss(const Task& task, const Var& y, const Tensor& target, const Tensor& mask,
              const std::vector<bool>& labelled) {
  check_shapes(task, y, target, labelled);
  const auto with_label = std::count(labelled.begin(), labelled.end(), true);
  if (!labelled.empty() && with_label == 0) return nothing(y);
  if (with_label < static_cast<std::ptrdiff_t>(labelled.size()))
    return task_loss(task, labelled_rows(y, labelled), labelled_rows(target, labelled), labelled_rows(mask, labelled));

  LossInput input{task, y, target, mask, {}};
  if (mask && task.traits().channel_mask && !set_outlined(&input, mask)) return nothing(y);
  Var sum;
  for (const Term& term : terms_of(task)) {
    Var value = term.loss->value(input);
    if (term.factor != 1) value = value * static_cast<real>(term.factor);
    sum = sum ? sum + value : value;
  }
  return sum;
}

}  // namespace medusa::mtl

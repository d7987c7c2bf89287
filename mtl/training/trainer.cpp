#include "mtl/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.h"
#include "autograd/read_back.h"
#include "mtl/inference/padding.h"
#include "mtl/losses.h"
#include "mtl/training/finite_check.h"
#include "mtl/training/selection.h"

namespace medusa::mtl {

namespace {

double seconds_since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

// The samples that count for a task.
double labelled_samples(const datasets::Batch& batch, std::size_t task) {
  double count = 0;
  for (bool has : batch.labelled[task]) count += has;
  return count;
}

}  // namespace

Trainer::Trainer(Model& model, TrainerOptions options)
    : model_(model),
      options_(std::move(options)),
      folder_(options_.folder, options_.run),
      groups_(model.groups()),
      group_of_task_(model.tasks().size()),
      balancing_(model, options_.balancing) {
  MEDUSA_CHECK_INPUT(options_.epochs >= 1, "epochs {}: expected 1 or more", options_.epochs);
  check_one_of("select", options_.select, selections());
  MEDUSA_CHECK_INPUT(options_.clip >= 0 && options_.patience >= 0, "clip and patience must not be negative");
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t t : groups_[g]) group_of_task_[t] = g;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::vector<nn::Parameter> mine;
    for (const nn::Parameter& p : model_.parameters())
      if (in_group(g, p.owner)) mine.push_back(p);
    optimizers_.push_back(nn::make_optimizer(options_.optimizer, std::move(mine)));
  }
}

TrainResult Trainer::run(BatchSource& train, BatchSource* val) {
  if (!ready_) start(train);
  ready_ = false;
  TrainResult result;
  while (state_.epoch < options_.epochs && !all_stopped() && !result.interrupted) {
    result.interrupted = !train_epoch(train) || !finish_epoch(train, val);
    save();  // after an epoch, or within an interrupted one
  }
  result.stopped_early = !result.interrupted && all_stopped();
  result.epochs = state_.epoch;
  result.steps = state_.step;
  for (const TrainState::Group& group : state_.groups) result.best_epoch.push_back(group.best_epoch);
  if (!result.interrupted) set_weights(model_, best_);
  return result;
}

void Trainer::start(const BatchSource& train) {
  MEDUSA_CHECK_INPUT(train.batches() >= 1, "training: no batches to train on");
  options_.schedule.total = nn::steps_in_all(options_.schedule, options_.epochs * train.batches());
  nn::learning_rate(options_.schedule, 0);  // throws on a bad schedule before any work
  seed_ops(options_.seed);
  state_ = {};
  state_.data = options_.data;
  state_.balancer = balancing_.state();
  state_.groups.resize(groups_.size());
  start_sums();
  const bool resumed = options_.resume && folder_.resume(model_, optimizers_, &state_, &best_);
  if (resumed) change_end();
  balancing_.set_state(state_.balancer);
  if (best_.empty()) best_ = copy_weights(model_);
  MEDUSA_CHECK_INPUT(state_.batch <= train.batches() && state_.step == state_.epoch * train.batches() + state_.batch,
                     "{}: is at step {}, expected {} epochs of {} batches and {} more; is it the same data?",
                     folder_.file(RunFile::Last), state_.step, state_.epoch, train.batches(), state_.batch);
  if (options_.progress && !balancing_.shares() && options_.balancing.name != "equal")
    options_.progress->note(fmt::format("balancing {}: no effect, the tasks of {} share no parameters",
                                        options_.balancing.name, model_.config().arch));
  if (resumed && options_.progress)
    options_.progress->note(
        fmt::format("resuming after {} epochs and {} of {} steps", state_.epoch, state_.batch, train.batches()));
  first_step_ = state_.step;
  started_ = saved_ = Clock::now();
  ready_ = true;
}

// A resumed run may have been given other epochs and patience.
void Trainer::change_end() {
  const std::string where = folder_.file(RunFile::Last);
  MEDUSA_CHECK_INPUT(state_.epoch <= options_.epochs, "{}: epochs {}: the run has finished {} already", where,
                     options_.epochs, state_.epoch);
  for (TrainState::Group& group : state_.groups) {
    const bool stops = options_.patience > 0 && group.waited >= options_.patience;
    const std::int64_t ended = group.best_epoch + group.waited;
    MEDUSA_CHECK_INPUT(!group.stopped || stops || ended == state_.epoch,
                       "{}: patience {}: cannot be changed any more, one of the run's networks stopped after epoch {} "
                       "and missed those up to {}",
                       where, options_.patience, ended, state_.epoch);
    group.stopped = stops;
  }
}

void Trainer::start_sums() {
  const std::size_t tasks = model_.tasks().size();
  state_.loss = state_.task_weight = state_.shared_norm = Means(tasks);
  state_.cosine = Means(tasks * tasks);
  state_.batch = state_.images = 0;
  state_.norm_sum = state_.norm_max = state_.seconds = state_.waited = 0;
}

bool Trainer::train_epoch(BatchSource& train) {
  model_.train();
  balancing_.start_epoch(state_.epoch_losses);
  const double seconds_before = state_.seconds;
  const auto begin = Clock::now();
  if (state_.batch < train.batches()) train.start_epoch(state_.epoch, state_.batch);
  while (state_.batch < train.batches()) {
    const auto asked = Clock::now();
    const std::optional<datasets::Batch> batch = train.next();
    state_.waited += seconds_since(asked);
    MEDUSA_CHECK(batch.has_value(), "training: the epoch ended after {} of {} batches", state_.batch, train.batches());
    step(train, *batch);
    ++state_.batch;
    ++state_.step;
    state_.images += batch->size();
    state_.seconds = seconds_before + seconds_since(begin);
    report_step(train);
    if (stop_asked()) return false;
    if (options_.save_every > 0 && seconds_since(saved_) >= options_.save_every && state_.batch < train.batches())
      save();
  }
  return true;
}

double Trainer::learning_rate() const { return nn::learning_rate(options_.schedule, state_.step); }

// The losses of the tasks that have a label in the batch and still train.
Trainer::Losses Trainer::losses_of(const datasets::Batch& batch, const std::vector<Var>& outputs) const {
  const std::vector<Task>& tasks = model_.tasks();
  Losses losses{std::vector<Var>(tasks.size()), std::vector<Var>(tasks.size()), {}};
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    losses.samples.push_back(labelled_samples(batch, t));
    if (losses.samples[t] == 0 || state_.groups[group_of_task_[t]].stopped) continue;
    const datasets::Target& target = batch.targets[t];
    const Var loss = task_loss(tasks[t], outputs[t], target.value, target.mask, batch.labelled[t]);
    losses.plain[t] = loss;
    losses.weighted[t] = tasks[t].loss_weight != 1 ? loss * static_cast<real>(tasks[t].loss_weight) : loss;
  }
  return losses;
}

void Trainer::step(BatchSource& train, const datasets::Batch& batch) {
  check_batch(model_.tasks(), batch);
  const OpSeed random = op_seed_state();
  const std::vector<Var> outputs = outputs_any_size(model_, Var(batch.input));
  const Losses losses = losses_of(batch, outputs);
  if (std::none_of(losses.plain.begin(), losses.plain.end(), [](const Var& loss) { return static_cast<bool>(loss); }))
    return;
  update(train, batch, outputs, losses);
  if (balancing_.needs_losses_after()) look_again(batch, random);
}

// The losses of the same batch after the step, for balancing: with the same dropout (`random`: its state before the
// step), and running statistics that do not move.
void Trainer::look_again(const datasets::Batch& batch, OpSeed random) {
  const NoGrad no_grad;
  std::vector<Tensor> statistics;
  std::vector<nn::Buffer> buffers = model_.buffers();
  for (const nn::Buffer& buffer : buffers) statistics.push_back(buffer.tensor.clone());
  set_op_seed_state(random);
  balancing_.after_step(losses_of(batch, outputs_any_size(model_, Var(batch.input))).weighted);
  for (std::size_t i = 0; i < buffers.size(); ++i) buffers[i].tensor.copy_from(statistics[i]);
}

// Leaves gradients in the parameters, and adds the balancing's numbers to the sums.  For a method that does not need
// the tasks' own gradients they are measured once per epoch, in the first batch with labels of all tasks.
void Trainer::backward(const std::vector<Var>& losses) {
  const std::size_t n = losses.size();
  const bool all = std::all_of(losses.begin(), losses.end(), [](const Var& loss) { return static_cast<bool>(loss); });
  const BalancedStep done =
      balancing_.backward(losses, state_.step, learning_rate(), all && state_.cosine.count[0] == 0);
  for (std::size_t t = 0; t < n; ++t)
    if (losses[t]) state_.task_weight.add(t, done.weights[t]);
  if (done.gram.empty()) return;
  const Vector norms = gradient_norms(done.gram), cosines = gradient_cosines(done.gram);
  for (std::size_t i = 0; i < n; ++i) {
    if (losses[i]) state_.shared_norm.add(i, norms[i]);
    for (std::size_t j = 0; j < n; ++j)
      if (losses[i] && losses[j]) state_.cosine.add(i * n + j, cosines[i * n + j]);
  }
}

// Reads what the host must know of a step in one copy, the only wait for a GPU: the losses for the report, the
// gradients' norms for clipping, and both to keep values that are not finite out of the weights.  Adds the losses to
// the sums; returns the norm of each group.
std::vector<double> Trainer::read_step(const Losses& losses, bool* good) {
  std::vector<Tensor> wanted;
  for (const Var& loss : losses.plain) wanted.push_back(loss.value());
  for (const auto& optimizer : optimizers_) wanted.push_back(nn::grad_squares(optimizer->parameters()));
  const std::vector<std::vector<double>> numbers = read_back(wanted);
  const std::size_t tasks = losses.plain.size();
  std::vector<double> norms;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    double value = 0;
    for (double part : numbers[i]) value += part;
    *good = *good && std::isfinite(value);
    if (i >= tasks)
      norms.push_back(std::sqrt(value));
    else if (!numbers[i].empty())
      state_.loss.add(i, value, losses.samples[i]);
  }
  return norms;
}

void Trainer::update(BatchSource& train, const datasets::Batch& batch, const std::vector<Var>& outputs,
                     const Losses& losses) {
  for (auto& optimizer : optimizers_) optimizer->zero_grad();
  backward(losses.weighted);
  train.prefetch();
  bool good = true;
  const std::vector<double> norms = read_step(losses, &good);
  if (!good) report_not_finite(model_, batch, outputs, losses.plain, state_.epoch + 1, state_.step + 1);
  double squares = 0;
  for (double norm : norms) squares += norm * norm;
  const double norm = std::sqrt(squares);
  state_.norm_sum += norm;
  state_.norm_max = std::max(state_.norm_max, norm);
  const double lr = learning_rate();
  for (std::size_t g = 0; g < groups_.size(); ++g)
    if (!state_.groups[g].stopped)
      optimizers_[g]->step(lr, options_.clip > 0 ? nn::clip_factor(norms[g], options_.clip) : 1);
}

// Validation, the report, the best checkpoint; then the next epoch begins.
bool Trainer::finish_epoch(const BatchSource& train, BatchSource* val) {
  const auto begin = Clock::now();
  EpochReport report;
  if (val != nullptr) {
    BottleneckSums bottleneck;
    report.val = evaluate(model_, *val, options_.stop, options_.window, &bottleneck);
    if (!report.val) return false;
    report.bottleneck = bottleneck.means();
  }
  const double steps = static_cast<double>(train.batches());
  report.epoch = ++state_.epoch;
  report.epochs = options_.epochs;
  report.step = state_.step;
  report.lr = nn::learning_rate(options_.schedule, state_.step - 1);
  report.losses = state_.loss.values();
  report.shares = balancing_.shares();
  report.task_weights = state_.task_weight.values();
  report.shared_norms = state_.shared_norm.values();
  report.cosines = state_.cosine.values();
  report.grad_norm = state_.norm_sum / steps;
  report.grad_norm_max = state_.norm_max;
  report.images_per_second = static_cast<double>(state_.images) / std::max(state_.seconds, 1e-9);
  report.waited_share = state_.waited / std::max(state_.seconds, 1e-9);
  judge(&report);
  report.seconds = state_.seconds + seconds_since(begin);
  folder_.add_epoch(model_.tasks(), report);
  if (options_.progress) options_.progress->epoch(report);
  state_.epoch_losses.push_back(report.losses);
  start_sums();
  return true;
}

// Whether a parameter or buffer of this owner belongs to the group.
bool Trainer::in_group(std::size_t group, int owner) const {
  return groups_.size() == 1 || (owner != nn::kNoOwner && group_of_task_[static_cast<std::size_t>(owner)] == group);
}

void Trainer::keep_best(std::size_t group) {
  for (const nn::Parameter& p : model_.parameters())
    if (in_group(group, p.owner)) best_[p.name] = p.var.value().clone();
  for (const nn::Buffer& b : model_.buffers())
    if (in_group(group, b.owner)) best_[b.name] = b.tensor.clone();
}

// Finds the groups that have a new best and those that have waited too long.  The best checkpoint is written before the
// last one: a run that is killed in between resumes from the older last one and finds the same best again.
void Trainer::judge(EpochReport* report) {
  report->improved.assign(groups_.size(), false);
  bool any = false;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    TrainState::Group& group = state_.groups[g];
    if (group.stopped) continue;
    const double now = epoch_score(options_.select, model_.tasks(), report->val ? &*report->val : nullptr,
                                   report->losses, groups_[g], state_.epoch);
    if (group.best_epoch == 0 || now > group.best) {
      group.best = now;
      group.best_epoch = state_.epoch;
      group.waited = 0;
      report->improved[g] = any = true;
      keep_best(g);
    } else {
      ++group.waited;
      group.stopped = options_.patience > 0 && group.waited >= options_.patience;
    }
  }
  if (any) folder_.save_best(model_, best_, state_);
}

void Trainer::save() {
  state_.balancer = balancing_.state();
  folder_.save_last(model_, optimizers_, state_);
  saved_ = Clock::now();
}

bool Trainer::all_stopped() const {
  for (const TrainState::Group& group : state_.groups)
    if (!group.stopped) return false;
  return true;
}

void Trainer::report_step(const BatchSource& train) {
  if (!options_.progress) return;
  const double per_step = seconds_since(started_) / static_cast<double>(state_.step - first_step_);
  const double steps_left = static_cast<double>(options_.epochs * train.batches() - state_.step);
  options_.progress->step({state_.epoch + 1, options_.epochs, state_.batch, train.batches(), state_.loss.values(),
                           static_cast<double>(state_.images) / std::max(state_.seconds, 1e-9), per_step * steps_left});
}

}  // namespace medusa::mtl

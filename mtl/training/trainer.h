// Trainer: epochs of steps, validation, best and last checkpoint, early stopping, resuming bit for bit.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mtl/balancing/task_balancing.h"
#include "mtl/inference/sliding_window.h"
#include "mtl/networks/model.h"
#include "mtl/training/batch_source.h"
#include "mtl/training/progress.h"
#include "mtl/training/run_folder.h"
#include "nn/optim.h"
#include "nn/schedule.h"

namespace medusa::mtl {

struct TrainerOptions {
  std::int64_t epochs = 20;
  std::uint64_t seed = 0;  // for ops such as dropout
  nn::OptimizerOptions optimizer;
  nn::ScheduleOptions schedule;  // `total` is filled in from epochs and batches
  BalanceOptions balancing;
  double clip = 0;               // largest L2 norm of a group's gradients; 0: off
  std::string select = "joint";  // one of selections(): which epoch is the best
  std::int64_t patience = 0;     // epochs without a new best until a group of tasks stops; 0: never
  SlidingWindow window;          // for validation; no size: whole samples
  std::string folder;            // of the run, must exist; "": nothing is written
  std::string run;               // the run's identity, see provenance.h; "": none
  std::string data;              // what the samples are, in words: a resumed run must have the same
  bool resume = false;           // resume from the folder's last checkpoint, if there is one
  double save_every = 0;         // seconds between saves within an epoch; 0: only at its end
  std::function<bool()> stop;    // called after every step: true ends the run after saving
  Progress* progress = nullptr;
};

struct TrainResult {
  bool interrupted = false;              // by `stop`: the run can be resumed
  bool stopped_early = false;            // by patience, in all groups
  std::int64_t epochs = 0, steps = 0;    // finished
  std::vector<std::int64_t> best_epoch;  // per group, from 1
};

// Every group of Model::groups() has an optimiser, a best checkpoint and a patience of its own: STL's networks train
// side by side as if each were alone.  Which epoch is the "best", and for which of them, TrainerOptions::select says.
class Trainer {
 public:
  // Throws InputError if an option is out of range.
  Trainer(Model& model, TrainerOptions options);

  // Prepares run(), which otherwise does this itself: reads the folder of a resumed run and writes nothing.  Throws
  // InputError if there is no batch or the folder's checkpoint does not fit.
  void start(const BatchSource& train);
  // After start(): whether nothing is left to train.
  bool finished() const { return state_.epoch >= options_.epochs || all_stopped(); }
  // Trains to the end, to early stopping or until interrupted.  If not interrupted, the model then has its best
  // weights.  `val` may be null.  Throws Error if a tensor is not finite (see finite_check.h); the last checkpoint
  // stays as it was.
  TrainResult run(BatchSource& train, BatchSource* val);

 private:
  using Clock = std::chrono::steady_clock;

  bool train_epoch(BatchSource& train);                           // false: interrupted
  bool finish_epoch(const BatchSource& train, BatchSource* val);  // false: interrupted
  void start_sums();
  void change_end();
  struct Losses {
    std::vector<Var> plain, weighted;  // per task, empty if the batch has no label; weighted by Task::loss_weight
    std::vector<double> samples;
  };
  void step(BatchSource& train, const datasets::Batch& batch);
  Losses losses_of(const datasets::Batch& batch, const std::vector<Var>& outputs) const;
  void look_again(const datasets::Batch& batch, OpSeed random);
  void update(BatchSource& train, const datasets::Batch& batch, const std::vector<Var>& outputs, const Losses& losses);
  std::vector<double> read_step(const Losses& losses, bool* good);
  void backward(const std::vector<Var>& losses);
  void judge(EpochReport* report);
  bool in_group(std::size_t group, int owner) const;
  void keep_best(std::size_t group);
  void save();
  bool stop_asked() const { return options_.stop && options_.stop(); }
  bool all_stopped() const;
  double learning_rate() const;
  void report_step(const BatchSource& train);

  Model& model_;
  TrainerOptions options_;
  RunFolder folder_;
  std::vector<std::vector<std::size_t>> groups_;  // tasks of each
  std::vector<std::size_t> group_of_task_;
  std::vector<std::unique_ptr<nn::Optimizer>> optimizers_;  // per group
  TaskBalancing balancing_;
  TrainState state_;
  Weights best_;
  bool ready_ = false;           // start() was called
  std::int64_t first_step_ = 0;  // of this process
  Clock::time_point started_, saved_;
};

}  // namespace medusa::mtl

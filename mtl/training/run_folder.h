// A run's folder: the files that a training run writes, and reads to go on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mtl/networks/model.h"
#include "mtl/training/progress.h"
#include "nn/optim.h"

namespace medusa::mtl {

// Means of several values over an epoch.
struct Means {
  std::vector<double> sum, count;
  Means() = default;
  explicit Means(std::size_t size) : sum(size, 0.0), count(size, 0.0) {}
  void add(std::size_t i, double value, double weight = 1) {
    sum[i] += value * weight;
    count[i] += weight;
  }
  std::vector<double> values() const;  // NaN where nothing was added
};

// What goes on besides parameters, running statistics and the optimisers' tensors.
struct TrainState {
  std::string data;        // what the samples are, see TrainerOptions
  std::int64_t epoch = 0;  // finished ones
  std::int64_t batch = 0;  // steps done in the epoch at work
  std::int64_t step = 0;   // in all
  OpSeed random{0, 0};     // of ops such as dropout
  // Sums over the epoch at work.
  Means loss;  // per task, over labelled samples
  Means task_weight, shared_norm,
      cosine;  // per task, per task, per pair (row-major T x T): see mtl/balancing/task_balancing.h
  double norm_sum = 0, norm_max = 0;
  std::int64_t images = 0;
  double seconds = 0, waited = 0;  // of training; of these, for batches
  // Per group of tasks.
  struct Group {
    std::int64_t best_epoch = 0;  // from 1; 0: none yet
    double best = 0;              // its score
    std::int64_t waited = 0;      // epochs since
    bool stopped = false;         // by early stopping
    std::int64_t optimizer_steps = 0;
  };
  std::vector<Group> groups;
  // Of task balancing.
  std::map<std::string, std::vector<double>> balancer;  // the method's own state
  std::vector<std::vector<double>> epoch_losses;        // per finished epoch, per task; NaN: no label
};

// Parameters and buffers by name, with memory of their own.
using Weights = std::map<std::string, Tensor>;
Weights copy_weights(const Model& model);
void set_weights(Model& model, const Weights& weights);

class RunFolder {
 public:
  // "" stands for no folder: nothing is written.  Else the folder must exist.
  explicit RunFolder(std::string path) : path_(std::move(path)) {}
  bool exists() const { return !path_.empty(); }
  std::string file(const char* name) const { return path_ + "/" + name; }

  // Each written whole or not at all.
  void save_last(const Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers,
                 const TrainState& state) const;
  void save_best(Model& model, const Weights& best, const TrainState& state) const;  // the model comes back unchanged
  // Adds an epoch to metrics.jsonl.
  void add_epoch(const std::vector<Task>& tasks, const EpochReport& report);

  // True where there is something to go on from.  Fills in model, optimisers, state and best weights, and forgets the
  // lines of metrics.jsonl that are later.  Throws InputError where the file is of another network, of other data than
  // state->data, or damaged.
  bool resume(Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers, TrainState* state,
              Weights* best);

 private:
  void read_epochs(std::int64_t epochs);

  std::string path_;
  std::vector<std::string> lines_;  // of metrics.jsonl
};

// {"<task>": {"<metric>": value, ...}, ...} as JSON text; a value that is not defined is null.
std::string metrics_json(const std::vector<Task>& tasks, const Evaluation& evaluation);

}  // namespace medusa::mtl

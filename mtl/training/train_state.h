// The state of a training run: what it needs to resume, apart from weights and the optimisers' tensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autograd/var.h"
#include "tensor/random.h"

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

struct TrainState {
  std::string data;        // what the samples are, see TrainerOptions
  std::int64_t epoch = 0;  // finished epochs
  std::int64_t batch = 0;  // steps done in the current epoch
  std::int64_t step = 0;   // steps done in total
  OpSeed random{0, 0};     // for ops such as dropout
  // Sums over the current epoch.
  Means loss;  // per task, over labelled samples
  // Per task, per task, per pair (row-major T x T); see mtl/balancing/task_balancing.h.
  Means task_weight, shared_norm, cosine;
  double norm_sum = 0, norm_max = 0;
  std::int64_t images = 0;
  double seconds = 0, waited = 0;  // of training; of these, waiting for batches
  // Per group of tasks.
  struct Group {
    std::int64_t best_epoch = 0;  // from 1; 0: none yet
    double best = 0;              // its score
    std::int64_t waited = 0;      // epochs since then
    bool stopped = false;         // by early stopping
    std::int64_t optimizer_steps = 0;
  };
  std::vector<Group> groups;
  // Of task balancing.
  std::map<std::string, std::vector<double>> balancer;  // the method's own state
  std::vector<std::vector<double>> epoch_losses;        // per finished epoch, per task; NaN: no label
};

// The state as JSON text, and back.  Throws nlohmann's exception if the text is not such JSON, InputError beginning
// with `where` if it is nested too deeply.
std::string to_json(const TrainState& state);
TrainState train_state_from_json(const std::string& text, const std::string& where = "training state");

// Throws InputError "<where>: its training state ..." unless every length fits `tasks` and `groups` of tasks and every
// number is possible.  `balancer`: the state of the run's balancing method before the first step.
void check(const TrainState& state, std::size_t tasks, std::size_t groups,
           const std::map<std::string, std::vector<double>>& balancer, const std::string& where);

}  // namespace medusa::mtl

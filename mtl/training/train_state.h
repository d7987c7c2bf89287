// Where a training run is: what it needs to go on, apart from weights and the optimisers' tensors.
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

// Training state to restore on resume, apart from parameters, running statistics and the optimisers' tensors.
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

// The state as JSON text, and back.  Throws nlohmann's exception where the text is no such JSON.
std::string to_json(const TrainState& state);
TrainState train_state_from_json(const std::string& text);

}  // namespace medusa::mtl

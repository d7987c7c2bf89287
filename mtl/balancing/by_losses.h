// Balancing by the losses alone: fixed weights, DWA, uncertainty weighting, FAMO.
#pragma once

#include "mtl/balancing/balancer.h"

namespace medusa::mtl {

// a_t = w_t.  All 1 is the plain sum of losses.
class FixedWeights : public Balancer {
 public:
  struct Options {
    Vector weights;
    void declare(medusa::Options& o) {
      o.add("task-weights", weights, "a weight for each task's loss, comma-separated").at_least(0);
    }
  };
  // Throws InputError unless there is a weight for each task.
  FixedWeights(std::size_t tasks, const Options& options);
  Vector weights(const BalanceInput&) override { return weights_; }

 private:
  Vector weights_;
};

// Dynamic weight average (Liu, Johns, Davison 2019, eq. 7): a task whose loss falls slowly gets more weight.
//   r_t = L_t(e-1) / L_t(e-2) on epoch means,  a = T softmax(r / temperature),  all 1 in the first two epochs.
class DynamicWeightAverage : public Balancer {
 public:
  struct Options {
    double temperature = 2;
    void declare(medusa::Options& o) {
      o.add("dwa-temperature", temperature, "larger is closer to equal weights").above(0);
    }
  };
  DynamicWeightAverage(std::size_t tasks, const Options& options)
      : Balancer(tasks), temperature_(options.temperature), weights_(tasks, 1.0) {}
  void start_epoch(const std::vector<Vector>& mean_losses) override;
  Vector weights(const BalanceInput&) override { return weights_; }

 private:
  double temperature_;
  Vector weights_;  // a function of the epoch means alone: nothing to save
};

// Uncertainty weighting (Kendall, Gal, Cipolla 2018): minimises  sum_t L_t / (2 exp s_t) + s_t / 2  over s as well, so
// a_t = 1 / (2 exp s_t);  ds_t = 1/2 - L_t / (2 exp s_t).  s starts at 0 and follows Adam with the rate lr;
// it stays within -10..10 [ours].
class UncertaintyWeighting : public Balancer {
 public:
  using Options = WeightsRate;
  UncertaintyWeighting(std::size_t tasks, const Options& options);
  bool needs_losses() const override { return true; }
  Vector weights(const BalanceInput& input) override;
  std::map<std::string, Vector> state() const override;
  void set_state(const std::map<std::string, Vector>& state) override;

 private:
  double lr_, step_ = 0;
  Vector s_, m_, v_;
};

// FAMO (Liu, Feng, Stone, Liu 2023, algorithm 1): all losses should fall at the same relative rate, measured on the
// losses of successive steps, without gradients.  z = softmax(xi);  a_t = (z_t / L_t) / sum_i (z_i / L_i); after the
// step: xi -= lr (J(z)^T (log L_before - log L_after) + decay xi).  [ours] L_after is the next batch's loss.
class Famo : public Balancer {
 public:
  struct Options : WeightsRate {
    double decay = 0.001;
    void declare(medusa::Options& o) {
      WeightsRate::declare(o);
      o.add("famo-decay", decay, "weight decay of the weights' logits").at_least(0);
    }
  };
  Famo(std::size_t tasks, const Options& options)
      : Balancer(tasks), lr_(options.lr), decay_(options.decay), xi_(tasks, 0.0) {}
  bool needs_losses() const override { return true; }
  Vector weights(const BalanceInput& input) override;
  std::map<std::string, Vector> state() const override { return {{"xi", xi_}, {"last", last_}}; }
  void set_state(const std::map<std::string, Vector>& state) override;

 private:
  double lr_, decay_;
  Vector xi_, last_;  // last_: logarithm of each task's last loss; NaN: none yet
};

// e^x_t / sum e^x, without overflow.
Vector softmax(const Vector& x);

}  // namespace medusa::mtl

// Balancing by the losses alone: fixed and random weights, DWA, uncertainty weighting, FAMO and others.
#pragma once

#include "mtl/balancing/balancer.h"
#include "mtl/balancing/small_solvers.h"

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
// a_t = 1 / (2 exp s_t);  ds_t = 1/2 - L_t / (2 exp s_t).  s follows Adam; as in the published settings it starts at
// -0.5 and has the network's learning rate.  It stays within -10..10 [ours].
class UncertaintyWeighting : public Balancer {
 public:
  struct Options {
    double start = -0.5, lr = 0;
    void declare(medusa::Options& o) {
      o.add("uw-start", start, "s of every task in the beginning").range(-10, 10);
      o.add("uw-lr", lr, "learning rate of s; 0: that of the network").at_least(0);
    }
  };
  UncertaintyWeighting(std::size_t tasks, const Options& options)
      : Balancer(tasks), lr_(options.lr), s_(tasks, options.start), adam_(tasks) {}
  bool needs_losses() const override { return true; }
  Vector weights(const BalanceInput& input) override;
  std::map<std::string, Vector> state() const override;
  void set_state(const std::map<std::string, Vector>& state) override;

 private:
  double lr_;
  Vector s_;
  SmallAdam adam_;
};

// FAMO (Liu, Feng, Stone, Liu 2023, algorithm 1, and the authors' code): all losses should fall at the same relative
// rate, which a second look at the same batch after the step measures, without gradients.  z = softmax(xi);
// a_t = (z_t / L_t) / sum_i (z_i / L_i); after the step Adam moves xi along  J(z)^T (log L_before - log L_after) +
// decay xi.
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
      : Balancer(tasks), lr_(options.lr), decay_(options.decay), xi_(tasks, 0.0), adam_(tasks) {}
  bool needs_losses() const override { return true; }
  bool needs_losses_after() const override { return true; }
  Vector weights(const BalanceInput& input) override;
  void after_step(const Vector& losses) override;
  std::map<std::string, Vector> state() const override;
  void set_state(const std::map<std::string, Vector>& state) override;

 private:
  double lr_, decay_;
  Vector xi_, before_;  // before_: the losses of this step
  SmallAdam adam_;      // of xi_
};

// Smooth Tchebycheff (Lin et al. 2024): the task that is worst compared with its loss in one early epoch counts most.
//   a_t = T softmax(log(L / nadir) / mu)_t / L_t;  up to the end of that epoch 1 / L_t, the gradient of the log-losses.
class SmoothTchebycheff : public Balancer {
 public:
  struct Options {
    double mu = 1;
    std::int64_t epoch = 5;
    void declare(medusa::Options& o) {
      o.add("stch-mu", mu, "smoothness: towards 0 the worst task alone counts").above(0);
      o.add("stch-epoch", epoch, "the epoch, from 1, whose mean losses the tasks are compared with").at_least(1);
    }
  };
  SmoothTchebycheff(std::size_t tasks, const Options& options)
      : Balancer(tasks), mu_(options.mu), epoch_(static_cast<std::size_t>(options.epoch)) {}
  bool needs_losses() const override { return true; }
  void start_epoch(const std::vector<Vector>& mean_losses) override;
  Vector weights(const BalanceInput& input) override;

 private:
  double mu_;
  std::size_t epoch_;
  Vector nadir_;  // empty until that epoch is over; a function of the epoch means: nothing to save
};

// a_t = 1 / L_t: the sum of the log-losses, which does not depend on the losses' units.
class ScaleInvariant : public Balancer {
 public:
  explicit ScaleInvariant(std::size_t tasks) : Balancer(tasks) {}
  bool needs_losses() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

// GLS (Chennupati et al. 2019): the geometric mean of the losses;  a_t = (prod_i L_i)^(1/T) / (T L_t).
class GeometricLoss : public Balancer {
 public:
  explicit GeometricLoss(std::size_t tasks) : Balancer(tasks) {}
  bool needs_losses() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

// RLW (Lin, Ye, Zhang, Tsang 2022): random weights in every step, a control that a method should beat.
//   a = T softmax(z), z from the normal distribution.
class RandomLossWeights : public Balancer {
 public:
  RandomLossWeights(std::size_t tasks, std::uint64_t seed) : Balancer(tasks), seed_(seed) {}
  Vector weights(const BalanceInput& input) override;

 private:
  std::uint64_t seed_;  // the weights of step i are a function of (seed, i): nothing to save
};

// e^x_t / sum e^x, without overflow.
Vector softmax(const Vector& x);

}  // namespace medusa::mtl

// Balancing by the gradients on the shared parameters: GradNorm, PCGrad, CAGrad, IMTL, Nash-MTL.
// A task whose gradient is exactly zero is left out: its weight has no effect, so it is 0, except in GradNorm.
#pragma once

#include "mtl/balancing/balancer.h"
#include "mtl/balancing/small_solvers.h"

namespace medusa::mtl {

// GradNorm (Chen, Badrinarayanan, Lee, Rabinovich 2018, eq. 1 and 2): pulls w_t |g_t| to a common size, larger for
// tasks that train slowly.   target_t = mean_i(w_i |g_i|) r_t^alpha,  r_t = (L_t / L_t(0)) / mean_i (L_i / L_i(0)); w
// goes down the gradient of  sum_t |w_t |g_t| - target_t|  by Adam, then is scaled to sum T; the step has the w before.
// L(0) is the mean of the first epoch, in which all r_t are 1 [as LibMTL has it].
class GradNorm : public Balancer {
 public:
  struct Options : WeightsRate {
    double alpha = 1.5;
    void declare(medusa::Options& o) {
      WeightsRate::declare(o);
      o.add("gradnorm-alpha", alpha, "how strongly tasks that learn slowly are favoured").at_least(0);
    }
  };
  GradNorm(std::size_t tasks, const Options& options)
      : Balancer(tasks), alpha_(options.alpha), lr_(options.lr), w_(tasks, 1.0), adam_(tasks) {}
  bool needs_gradients() const override { return true; }
  bool needs_losses() const override { return true; }
  bool weighs_own_parameters() const override { return true; }
  void start_epoch(const std::vector<Vector>& mean_losses) override;
  Vector weights(const BalanceInput& input) override;
  std::map<std::string, Vector> state() const override;
  void set_state(const std::map<std::string, Vector>& state) override;

 private:
  double alpha_, lr_;
  Vector w_, first_;  // first_: L_t(0), a function of the epoch means; empty in the first epoch
  SmallAdam adam_;    // of w_
};

// PCGrad (Yu et al. 2020, algorithm 1): each g_i loses its component against every g_j it conflicts with, in random
// order:   if h_i . g_j < 0:  h_i -= (h_i . g_j / |g_j|^2) g_j;   the step is sum_i h_i.   As in the public code j = i
// is among them: with three tasks and more the projections can turn h_i against g_i.
class PcGrad : public Balancer {
 public:
  PcGrad(std::size_t tasks, std::uint64_t seed) : Balancer(tasks), seed_(seed) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;

 private:
  std::uint64_t seed_;  // the order of step i is a function of (seed, i): nothing to save
};

// CAGrad (Liu, Liu, Jin, Stone, Liu 2021, eq. 3 and algorithm 1): the step d near the mean gradient g_0, |d - g_0| <= c
// |g_0|, that raises the worst task's improvement most:   w = argmin over the simplex of g_w . g_0 + c |g_0| |g_w|, d =
// g_0 + c |g_0| / |g_w| g_w.   Scaled by T [ours], so that c = 0 is the plain sum.  T = 2: a 1-D search.
class CaGrad : public Balancer {
 public:
  struct Options {
    double c = 0.5;
    void declare(medusa::Options& o) {
      o.add("cagrad-c", c, "radius around the mean gradient, as part of its norm, 0 to 1").range(0, 1);
    }
  };
  CaGrad(std::size_t tasks, const Options& options) : Balancer(tasks), c_(options.c) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;

 private:
  double c_;
};

// IMTL-G (Liu et al., "Towards impartial multi-task learning", 2021, eq. 4): the step has the same projection on every
// task's unit gradient:   sum_t a_t = 1,  (sum_t a_t g_t) . (u_1 - u_i) = 0 for all i.  Scaled by T [ours].  Weights
// may be negative with three tasks and more, and are used as they are; if the equations have no solution, a_t ~ 1 /
// |g_t|.
class Imtl : public Balancer {
 public:
  explicit Imtl(std::size_t tasks) : Balancer(tasks) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

// Nash-MTL (Navon et al. 2022, eq. 3): the bargaining solution  (G a)_t = 1 / a_t.  For T = 2 in closed form
// a_t = 1 / (|g_t| sqrt(1 + cos)), with 1 + cos at least kLeastNash: for opposite gradients there is no solution.
class NashMtl : public Balancer {
 public:
  static constexpr double kLeastNash = 1e-4;
  explicit NashMtl(std::size_t tasks) : Balancer(tasks) {}
  bool needs_gradients() const override { return true; }
  Vector weights(const BalanceInput& input) override;
};

}  // namespace medusa::mtl

// Task balancing: how the tasks' losses, or their gradients on the shared part, are weighed against each other.
//
// Every method here answers one question: which weights a_1..a_T make the step  sum_t a_t g_t  a good one?
// g_t is task t's gradient on the shared parameters.  Methods see the gradients only through their Gram
// matrix G_ij = g_i . g_j (T x T numbers), so each is a few lines on small vectors.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mtl/balancing/gram.h"
#include "tensor/options.h"

namespace medusa::mtl {

constexpr double kTinyLoss = 1e-12;  // stands for zero, which has no logarithm and no ratio

// The data that a method gets in a step.
struct BalanceInput {
  Vector losses;  // L_t of this batch, 0 unless needs_losses(); NaN: the task has no label, and its gradient is zero
  Vector gram;    // G, row-major T x T; empty unless needs_gradients()
  std::int64_t step = 0;
  double lr = 0;  // of the network's parameters
};

class Balancer {
 public:
  explicit Balancer(std::size_t tasks) : tasks_(tasks) {}
  virtual ~Balancer() = default;

  // Whether weights() reads the Gram matrix: costs one backward pass per task.
  virtual bool needs_gradients() const { return false; }
  // Whether weights() reads the losses' values: costs a wait for the GPU.
  virtual bool needs_losses() const { return false; }
  // Called before epoch e = 0, 1, ... with the mean training losses of the epochs before it, oldest first.
  virtual void start_epoch(const std::vector<Vector>& /*mean_losses*/) {}
  // The weights of this step, one per task; finite.
  virtual Vector weights(const BalanceInput& input) = 0;
  // Whether after_step() wants the losses of the same batch after the step: costs a second forward pass.
  virtual bool needs_losses_after() const { return false; }
  // losses: as BalanceInput::losses, after the step with the last weights().
  virtual void after_step(const Vector& /*losses*/) {}
  // Whether a task's own parameters (its decoder and head) use the weights too; else they use 1.
  virtual bool weighs_own_parameters() const { return !needs_gradients(); }

  // What must be saved to resume bit for bit.
  virtual std::map<std::string, Vector> state() const { return {}; }
  virtual void set_state(const std::map<std::string, Vector>& /*state*/) {}
  std::size_t tasks() const { return tasks_; }

 private:
  std::size_t tasks_;
};

// The method and its options.  Each method declares its own in its class; this struct has those of all methods, so that
// a name that several share (the learning rate of the weights) is one option.
struct BalanceOptions {
  std::string name = "equal";  // one of balancing_methods()
  OptionValues own;            // of the methods, by name; absent ones have their defaults
  std::uint64_t seed = 0;      // pcgrad: the random order of projections

  void declare(Options& o);
  // Throws InputError if the chosen method lacks an option that has no default, or one of another method is given.
  // `prefix` goes before the names of options: "--".
  void check(const std::string& prefix = "") const;
};

// The option that several methods share.
struct WeightsRate {
  double lr = 0.025;
  void declare(Options& o) { o.add("balancing-lr", lr, "learning rate of the weights").at_least(0); }
};

// Throws InputError that lists the methods if the name is unknown, or names the option that does not fit.
std::unique_ptr<Balancer> make_balancer(const BalanceOptions& options, std::size_t tasks);
std::vector<std::string> balancing_methods();
// The names of the options that a method has.
std::vector<std::string> balancing_options(const std::string& method);

}  // namespace medusa::mtl

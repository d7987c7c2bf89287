// TaskBalancing: the backward pass of a training step in which several tasks share parameters.
//
// The shared part S of a network is the parameters that every task's loss depends on: the encoder, Refine in MTAN and
// CTAN, the encoders and matrices of cross-stitch networks, the shared experts and their gate in MMoE and CGC.  With
// g_t = dL_t/dS the step goes along  sum_t a_t g_t, a_1..a_T from a Balancer. Parameters that belong to a task
// (decoders, heads, masks, own experts: see per_task.h) get the sum of all losses' gradients, or the weighted sum where
// the method weighs the losses themselves (Balancer::weighs_own_parameters).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mtl/balancing/balancer.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

// The result of balancing one step.
struct BalancedStep {
  Vector weights;  // a_t; NaN: the task has no label in this batch
  Vector gram;     // G_ij = g_i . g_j, row-major; empty: not measured in this step
};

class TaskBalancing {
 public:
  // Throws InputError if an option is out of range.  In a network that shares nothing (STL, or a single task) every
  // method is the plain sum of losses: each task is trained as if it were alone.
  TaskBalancing(Model& model, const BalanceOptions& options);

  bool shares() const { return !shared_.empty(); }
  bool measures_every_step() const { return shares() && balancer_->needs_gradients(); }
  // Before epoch e = 0, 1, ...: the mean training losses of the epochs before it, oldest first; NaN: no label.
  void start_epoch(const std::vector<Vector>& mean_losses) { balancer_->start_epoch(mean_losses); }

  // Leaves the balanced gradients in the model's parameters, which must hold none.  losses[t]: scalar, empty if the
  // batch has no label of task t; at least one is given.  step: counts all steps of the run; lr: the learning rate.
  // measure: compute the Gram matrix even if the method does not need it.  That costs a backward pass per task and does
  // not change what is learned.
  BalancedStep backward(const std::vector<Var>& losses, std::int64_t step, double lr, bool measure);

  // Whether the method wants the losses of the same batch after the step, and hands them over; as in backward().
  bool needs_losses_after() const { return shares() && balancer_->needs_losses_after(); }
  void after_step(const std::vector<Var>& losses);

  std::map<std::string, Vector> state() const { return balancer_->state(); }
  void set_state(const std::map<std::string, Vector>& state) { balancer_->set_state(state); }

 private:
  using Gradients = std::vector<Tensor>;  // one per parameter, empty where a loss does not depend on it

  Vector check(Vector weights, const std::vector<Var>& losses) const;
  std::vector<Gradients> task_gradients(const std::vector<Var>& losses, bool keep_graph);
  bool read(const std::vector<Var>& losses, const std::vector<Gradients>& gradients, BalanceInput* input) const;
  std::vector<Tensor> gram(const std::vector<Gradients>& gradients) const;
  void combine(const std::vector<Gradients>& gradients, const Vector& weights);

  std::string method_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<nn::Parameter> parameters_;
  std::vector<bool> is_shared_;      // per parameter
  std::vector<std::size_t> shared_;  // indices of the shared ones
};

}  // namespace medusa::mtl

// Var: a Tensor that remembers how it was computed, so that backward() can find gradients (reverse mode).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autograd/saved_tensor.h"
#include "tensor/tensor.h"

namespace medusa {

// What an op's backward closure returns: one gradient per input, in order; an empty Tensor means "none".
using Grads = std::vector<Tensor>;
// From the gradient of the op's output.  Captures Tensors, never Vars: no reference cycles.
using Backward = std::function<Grads(const Tensor& dy)>;

// One op's entry in the graph.  It holds no values: a tensor lives only as long as a closure or a user needs it.
struct Node {
  Node() = default;
  ~Node();  // not recursive: a graph can be 100,000 ops deep
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const char* op = "leaf";
  Shape shape;
  Device device = Device::CPU;
  bool freed = false;  // backward has passed here
  Tensor grad;
  std::vector<std::shared_ptr<Node>> inputs;
  Backward backward;

  // The memory of inputs and output at the time, to notice later writes.  Weak: does not keep them alive.
  struct SavedVersion {
    std::weak_ptr<Storage> storage;
    std::uint64_t version;
  };
  std::vector<SavedVersion> saved_versions;
};

class Var {
 public:
  Var() = default;
  // A leaf: a constant, so that ops and modules take a Tensor as it is; or with requires_grad a parameter whose
  // gradient backward() adds up.
  Var(Tensor value, bool requires_grad = false);

  // What every op ends with.  The closure is dropped where no input needs a gradient or under NoGrad.
  // `recompute`, where given, is how to compute the value once more: closures then keep that instead of the value.
  static Var result(const char* op, Tensor value, const std::vector<Var>& inputs, Backward backward,
                    std::shared_ptr<const Recipe> recompute = nullptr);

  explicit operator bool() const { return static_cast<bool>(value_); }
  const Tensor& value() const { return value_; }
  Tensor& value() { return value_; }
  // What a closure should hold on to: the value, or its recipe (unless the value was written to since).
  SavedTensor saved() const;
  const Shape& shape() const { return value_.shape(); }
  std::int64_t size(int axis) const { return value_.size(axis); }
  int rank() const { return value_.rank(); }
  Device device() const { return value_.device(); }
  real item() const { return value_.item(); }

  bool requires_grad() const { return node_ != nullptr; }
  // The gradient added up so far; an empty Tensor before the first backward().
  const Tensor& grad() const;
  void set_grad(Tensor grad);
  void zero_grad() { set_grad({}); }

  // Fills in the gradients of all leaves this value depends on, adding to what they hold.  Needs a value of one
  // element, or the gradient `seed` of this value's shape.  Frees the graph as it goes, or keeps it for another walk,
  // from here or from another value that shares a part of it.
  enum class Graph { Free, Keep };
  void backward(Graph graph = Graph::Free) const;
  void backward(const Tensor& seed, Graph graph = Graph::Free) const;

  // The same value, cut off from the graph.
  Var detach() const { return Var(value_); }
  const std::shared_ptr<Node>& node() const { return node_; }

 private:
  Tensor value_;
  std::shared_ptr<Node> node_;               // null: no gradient flows here
  std::shared_ptr<const Recipe> recompute_;  // null: the value itself is kept
  std::uint64_t recorded_ = 0;               // the value's version then
};

// While one lives on this thread, ops record nothing (evaluation, optimiser steps).
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};
// The opposite, for code that backward() calls.
class EnableGrad {
 public:
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

 private:
  bool before_;
};
bool grad_enabled();

// Recomputation: y = f(inputs) that stores only the inputs and runs f again in the backward pass.  Costs a second
// forward pass, saves the memory of everything inside f  (Chen, Xu, Zhang, Guestrin, "Training deep nets with
// sublinear memory cost", 2016).  Parameters used inside f receive their gradients as usual.
Var checkpoint(const std::function<Var(const std::vector<Var>&)>& f, const std::vector<Var>& inputs);
// True while checkpoint() runs f again: batch norm must not move its running statistics twice.
bool recomputing();

// The graph behind a value, for `dot -Tsvg`.
std::string to_dot(const Var& y);

// The random stream that ops such as dropout draw from: call i since seed_ops() uses stream i.
void seed_ops(std::uint64_t seed);
struct OpSeed {
  std::uint64_t seed, stream;
};
OpSeed next_op_seed();
// The state of that stream, for resuming a run.
OpSeed op_seed_state();
void set_op_seed_state(OpSeed state);

}  // namespace medusa

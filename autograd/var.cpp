#include "autograd/var.h"

#include <unordered_set>
#include <utility>

#include "autograd/one_device.h"
#include "autograd/trace.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

thread_local bool grad_is_enabled = true;

Tensor sum_of(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::empty_like(a);
  BinaryGeometry flat;
  flat.size[5] = y.numel();
  flat.stride_a[5] = flat.stride_b[5] = 1;
  kernels::binary(y.device(), BinaryOp::Add, a.data(), b.data(), y.mutable_data(), flat);
  return y;
}

bool is_shared(const Tensor& t) { return t.storage().use_count() > 1; }

// grad += g, in the memory of whichever of the two is not shared: memory that others may read is not written.
void accumulate(Node& node, Tensor g) {
  if (!node.grad || (is_shared(node.grad) && !is_shared(g))) std::swap(node.grad, g);
  if (!g) return;
  if (is_shared(node.grad))
    node.grad = sum_of(node.grad, g);
  else
    kernels::add_scaled(g.device(), 1, g.data(), node.grad.mutable_data(), g.numel());
}

void check_unchanged(const Node& node) {
  for (const Node::SavedVersion& saved : node.saved_versions)
    if (auto storage = saved.storage.lock())
      MEDUSA_CHECK(storage->version == saved.version,
                   "backward: a tensor that {} still needs was modified in place after it was used "
                   "(version {}, expected {}); write to a clone() instead",
                   node.op, storage->version, saved.version);
}

// Inputs before users; iterative, since graphs can be thousands of ops deep.
std::vector<std::shared_ptr<Node>> post_order(const std::shared_ptr<Node>& root) {
  std::vector<std::shared_ptr<Node>> order;
  std::unordered_set<Node*> entered{root.get()};
  std::vector<std::pair<std::shared_ptr<Node>, std::size_t>> stack{{root, 0}};
  while (!stack.empty()) {
    auto& [node, next] = stack.back();
    if (next < node->inputs.size()) {
      std::shared_ptr<Node> input = node->inputs[next++];
      if (input && entered.insert(input.get()).second) stack.emplace_back(std::move(input), 0);
    } else {
      order.push_back(std::move(node));
      stack.pop_back();
    }
  }
  return order;
}

void run_node(Node& node) {
  check_unchanged(node);
  Grads grads = node.backward(node.grad);
  MEDUSA_CHECK(grads.size() == node.inputs.size(), "{}: backward returned {} gradients for {} inputs", node.op,
               grads.size(), node.inputs.size());
  for (std::size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i] || !node.inputs[i]) continue;
    MEDUSA_CHECK(grads[i].shape() == node.inputs[i]->shape, "{}: gradient {} has shape {}, the input has {}", node.op,
                 i, grads[i].shape(), node.inputs[i]->shape);
    accumulate(*node.inputs[i], std::move(grads[i]));
  }
}

// What a failed backward pass leaves in the nodes it did not reach must not count in a later one.
void drop_gradients(const std::vector<std::shared_ptr<Node>>& nodes) {
  for (const std::shared_ptr<Node>& node : nodes)
    if (node->backward) node->grad = {};
}

}  // namespace

Node::~Node() {
  std::vector<std::shared_ptr<Node>> dying = std::move(inputs);
  while (!dying.empty()) {
    const std::shared_ptr<Node> node = std::move(dying.back());
    dying.pop_back();
    if (node.use_count() != 1) continue;  // null, or shared
    for (std::shared_ptr<Node>& input : node->inputs) dying.push_back(std::move(input));
    node->inputs.clear();
  }
}

Var::Var(Tensor value, bool requires_grad) : value_(std::move(value)) {
  if (!requires_grad) return;
  node_ = std::make_shared<Node>();
  node_->shape = value_.shape();
  node_->device = value_.device();
}

Var Var::result(const char* op, Tensor value, const std::vector<Var>& inputs, Backward backward,
                std::shared_ptr<const Recipe> recompute) {
  trace::forward(op, inputs, value);
  Var y;
  y.value_ = std::move(value);
  bool wanted = false;
  for (const Var& x : inputs) wanted |= x.requires_grad();
  if (!wanted || !grad_is_enabled) return y;

  y.recompute_ = std::move(recompute);
  y.recorded_ = y.value_.storage()->version;
  y.node_ = std::make_shared<Node>();
  Node& node = *y.node_;
  node.op = op;
  node.shape = y.shape();
  node.device = y.device();
  node.backward = std::move(backward);
  for (const Var& x : inputs) {
    node.inputs.push_back(x.node_);
    if (x) node.saved_versions.push_back({x.value_.storage(), x.value_.storage()->version});
  }
  node.saved_versions.push_back({y.value_.storage(), y.value_.storage()->version});
  return y;
}

SavedTensor Var::saved() const {
  return recompute_ && value_.storage()->version == recorded_ ? SavedTensor(recompute_) : SavedTensor(value_);
}

const Tensor& Var::grad() const {
  static const Tensor none;
  return node_ ? node_->grad : none;
}

void Var::set_grad(Tensor grad) {
  MEDUSA_CHECK(node_ != nullptr || !grad, "set_grad: this value needs no gradient");
  if (!node_) return;
  MEDUSA_CHECK(!grad || grad.shape() == node_->shape, "set_grad: the gradient has shape {}, the value {}", grad.shape(),
               node_->shape);
  node_->grad = std::move(grad);
}

void Var::backward(Graph graph) const {
  MEDUSA_CHECK(value_, "backward: this Var is empty");
  MEDUSA_CHECK(value_.numel() == 1, "backward: the loss must be a scalar, its shape is {}; reduce it with sum or mean",
               shape());
  backward(Tensor::full(shape(), 1, device()), graph);
}

// Walks the graph from the loss back to the leaves; every node runs once, after all its users.
void Var::backward(const Tensor& seed, Graph graph) const {
  MEDUSA_CHECK(node_ != nullptr,
               "backward: nothing here needs a gradient (built under NoGrad, or from constants only)");
  MEDUSA_CHECK(!node_->freed, "backward: this graph was already walked and freed; compute the loss again");
  MEDUSA_CHECK(seed.shape() == shape(), "backward: the seed has shape {}, the value {}", seed.shape(), shape());
  check_one_device("backward", {value_, seed});
  NoGrad no_grad;
  std::vector<std::shared_ptr<Node>> order = post_order(node_);
  for (const std::shared_ptr<Node>& node : order)
    MEDUSA_CHECK(!node->freed, "backward: {} belongs to a graph that was already walked and freed; compute it again",
                 node->op);
  accumulate(*node_, seed);
  for (; !order.empty(); order.pop_back()) {
    const std::shared_ptr<Node>& node = order.back();
    if (!node->backward) continue;  // a leaf keeps its gradient
    if (node->grad) {
      try {
        run_node(*node);
      } catch (...) {
        drop_gradients(order);
        throw;
      }
      trace::backward(node->op, node->shape);
    }
    node->grad = {};
    if (graph == Graph::Keep) continue;
    node->backward = nullptr;  // drops what the closure captured: activations die as soon as they are used
    node->inputs.clear();
    node->saved_versions.clear();
    node->freed = true;
  }
}

NoGrad::NoGrad() : before_(grad_is_enabled) { grad_is_enabled = false; }
NoGrad::~NoGrad() { grad_is_enabled = before_; }
EnableGrad::EnableGrad() : before_(grad_is_enabled) { grad_is_enabled = true; }
EnableGrad::~EnableGrad() { grad_is_enabled = before_; }
bool grad_enabled() { return grad_is_enabled; }

}  // namespace medusa

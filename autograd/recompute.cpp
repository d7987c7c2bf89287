// Recomputation (see checkpoint() in var.h) and the random stream of ops, which it must rewind.
#include "autograd/var.h"

namespace medusa {

namespace {

thread_local OpSeed op_seed{0, 0};
thread_local bool is_recomputing = false;

// Runs with gradients on, although they are off while backward() calls us, and with the random stream of the first run.
class Recomputation {
 public:
  explicit Recomputation(OpSeed first_run) : seed_(op_seed), before_(is_recomputing) {
    op_seed = first_run;
    is_recomputing = true;
  }
  ~Recomputation() {
    op_seed = seed_;
    is_recomputing = before_;
  }

 private:
  OpSeed seed_;
  bool before_;
};

}  // namespace

void seed_ops(std::uint64_t seed) { op_seed = {seed, 0}; }
OpSeed next_op_seed() { return {op_seed.seed, op_seed.stream++}; }
OpSeed op_seed_state() { return op_seed; }
void set_op_seed_state(OpSeed state) { op_seed = state; }
bool recomputing() { return is_recomputing; }

Var checkpoint(const std::function<Var(const std::vector<Var>&)>& f, const std::vector<Var>& inputs) {
  if (!grad_enabled()) return f(inputs);
  const OpSeed first_run = op_seed;
  Tensor value;
  {
    NoGrad no_grad;
    value = f(inputs).value();
  }
  std::vector<Tensor> kept;
  std::vector<bool> wanted;
  for (const Var& x : inputs) {
    kept.push_back(x.value());
    wanted.push_back(x.requires_grad());
  }
  // The node must exist even if only parameters inside f need gradients: an extra leaf ensures that.
  std::vector<Var> graph_inputs = inputs;
  graph_inputs.emplace_back(Tensor::zeros({1}, value.device()), true);
  return Var::result("checkpoint", value, graph_inputs, [f, kept, wanted, first_run](const Tensor& dy) -> Grads {
    std::vector<Var> again;
    for (std::size_t i = 0; i < kept.size(); ++i) again.emplace_back(kept[i], wanted[i]);
    {
      Recomputation recomputation(first_run);
      EnableGrad enable;
      Var y = f(again);
      if (y.requires_grad()) y.backward(dy);
    }
    Grads grads;
    for (const Var& x : again) grads.push_back(x.grad());
    grads.emplace_back();
    return grads;
  });
}

}  // namespace medusa

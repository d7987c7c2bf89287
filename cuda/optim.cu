// Optimiser kernels: a thread per parameter, which reads and writes everything about it once.
#include "cuda/launch.h"
#include "tensor/kernels.h"
#include "tensor/optim_math.h"

namespace medusa::cuda {

namespace {

__global__ void sgd_kernel(real* p, const real* g, real* momentum, SgdStep step, bool nesterov, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step())
    if (momentum == nullptr)
      step.plain(p[i], g[i]);
    else
      step.with_momentum(p[i], g[i], momentum[i], nesterov);
}

__global__ void adam_kernel(real* p, const real* g, real* m, real* v, AdamStep step, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) step(p[i], g[i], m[i], v[i]);
}

}  // namespace

void sgd_step(real* p, const real* g, real* momentum, double lr, double mu, double weight_decay, bool nesterov,
              double grad_scale, std::int64_t n) {
  const SgdStep step(lr, mu, weight_decay, grad_scale);
  launch("sgd_step", blocks_for(n), sgd_kernel, p, g, momentum, step, nesterov, n);
}

void adam_step(real* p, const real* g, real* m, real* v, double lr, double beta1, double beta2, double eps,
               double weight_decay, bool decoupled, double bias1, double bias2, double grad_scale, std::int64_t n) {
  const AdamStep step(lr, beta1, beta2, eps, weight_decay, decoupled, bias1, bias2, grad_scale);
  launch("adam_step", blocks_for(n), adam_kernel, p, g, m, v, step, n);
}

}  // namespace medusa::cuda

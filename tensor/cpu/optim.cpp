// Optimiser kernels: one pass over parameter, gradient and state; memory speed is the limit.
// The loops are plain: with __restrict the compiler turns them into vectors, the square root included.
#include "tensor/kernels.h"
#include "tensor/optim_math.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 14;

template <bool nesterov>
void sgd_momentum(real* __restrict p, const real* __restrict g, real* __restrict momentum, SgdStep step,
                  std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) step.with_momentum(p[i], g[i], momentum[i], nesterov);
}

void sgd_plain(real* __restrict p, const real* __restrict g, SgdStep step, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) step.plain(p[i], g[i]);
}

void adam(real* __restrict p, const real* __restrict g, real* __restrict m, real* __restrict v, AdamStep step,
          std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) step(p[i], g[i], m[i], v[i]);
}

}  // namespace

void sgd_steps(const ParameterSpan* spans, std::int64_t count, double lr, double mu, double weight_decay, bool nesterov,
               double grad_scale) {
  const SgdStep step(lr, mu, weight_decay, grad_scale);
  for (std::int64_t k = 0; k < count; ++k) {
    const ParameterSpan s = spans[k];
    parallel_for(s.n, kGrain, [=](std::int64_t begin, std::int64_t end) {
      if (s.first == nullptr)
        sgd_plain(s.p + begin, s.g + begin, step, end - begin);
      else if (nesterov)
        sgd_momentum<true>(s.p + begin, s.g + begin, s.first + begin, step, end - begin);
      else
        sgd_momentum<false>(s.p + begin, s.g + begin, s.first + begin, step, end - begin);
    });
  }
}

void adam_steps(const ParameterSpan* spans, std::int64_t count, double lr, double beta1, double beta2, double eps,
                double weight_decay, bool decoupled, double bias1, double bias2, double grad_scale) {
  const AdamStep step(lr, beta1, beta2, eps, weight_decay, decoupled, bias1, bias2, grad_scale);
  for (std::int64_t k = 0; k < count; ++k) {
    const ParameterSpan s = spans[k];
    parallel_for(s.n, kGrain, [=](std::int64_t begin, std::int64_t end) {
      adam(s.p + begin, s.g + begin, s.first + begin, s.second + begin, step, end - begin);
    });
  }
}

}  // namespace medusa::MEDUSA_CPU

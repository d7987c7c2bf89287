// Optimiser kernels: all parameters in a few launches (see spans.cuh); a thread reads and writes everything about a
// number once.
#include "cuda/spans.cuh"
#include "tensor/kernels.h"
#include "tensor/optim_math.h"

namespace medusa::cuda {

namespace {

__global__ void sgd_kernel(const SpanTable<ParameterSpan> table, SgdStep step, bool nesterov) {
  const int k = table.of_block(blockIdx.x);
  const ParameterSpan s = table.span[k];
  const Stretch mine = table.stretch(k, blockIdx.x);
  for (std::int64_t i = mine.first; i < mine.last; i += mine.step())
    if (s.first == nullptr)
      step.plain(s.p[i], s.g[i]);
    else
      step.with_momentum(s.p[i], s.g[i], s.first[i], nesterov);
}

__global__ void adam_kernel(const SpanTable<ParameterSpan> table, AdamStep step) {
  const int k = table.of_block(blockIdx.x);
  const ParameterSpan s = table.span[k];
  const Stretch mine = table.stretch(k, blockIdx.x);
  for (std::int64_t i = mine.first; i < mine.last; i += mine.step()) step(s.p[i], s.g[i], s.first[i], s.second[i]);
}

}  // namespace

void sgd_steps(const ParameterSpan* spans, std::int64_t count, double lr, double mu, double weight_decay, bool nesterov,
               double grad_scale) {
  const SgdStep step(lr, mu, weight_decay, grad_scale);
  for_tables(spans, count, [=](const SpanTable<ParameterSpan>& table) {
    launch("sgd_steps", table.blocks(), sgd_kernel, table, step, nesterov);
  });
}

void adam_steps(const ParameterSpan* spans, std::int64_t count, double lr, double beta1, double beta2, double eps,
                double weight_decay, bool decoupled, double bias1, double bias2, double grad_scale) {
  const AdamStep step(lr, beta1, beta2, eps, weight_decay, decoupled, bias1, bias2, grad_scale);
  for_tables(spans, count, [=](const SpanTable<ParameterSpan>& table) {
    launch("adam_steps", table.blocks(), adam_kernel, table, step);
  });
}

}  // namespace medusa::cuda

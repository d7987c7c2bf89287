// The CUDA side: a thread per element.  launch() counts and checks; work is done in order, so nothing waits here.
#include "cuda/launch.h"
#include "softplus_math.h"

namespace my::cuda {

using medusa::real;
using medusa::cuda::blocks_for;
using medusa::cuda::first_index;
using medusa::cuda::index_step;
using medusa::cuda::launch;

namespace {

__global__ void forward_kernel(const real* x, real* y, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) y[i] = Softplus::f(x[i]);
}

__global__ void backward_kernel(const real* x, const real* dy, real* dx, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) dx[i] = dy[i] * Softplus::df(x[i]);
}

}  // namespace

void softplus(const real* x, real* y, std::int64_t n) { launch("softplus", blocks_for(n), forward_kernel, x, y, n); }

void softplus_backward(const real* x, const real* dy, real* dx, std::int64_t n) {
  launch("softplus_backward", blocks_for(n), backward_kernel, x, dy, dx, n);
}

}  // namespace my::cuda

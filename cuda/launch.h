// The one way to start a kernel: counted and checked.  Kernels run in the order in which they are launched.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "cuda/context.h"
#include "cuda/fast_divmod.h"
#include "cuda/pack.h"

namespace medusa::cuda {

constexpr int kThreadBits = 8, kThreads = 1 << kThreadBits;  // per block: what every kernel here is written for

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Starts `blocks` blocks of kThreads threads; none where there is nothing to do.
template <class... P>
void launch(const char* name, std::int64_t blocks, void (*kernel)(P...), std::type_identity_t<P>... args) {
  if (blocks == 0) return;
  check_blocks(name, blocks);
  void* pointers[] = {&args...};
  ++count().launches;
  check(cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), pointers, 0, stream()), name);
}

// Enough blocks for a thread per element; from most_blocks() on threads take several (see first_index).
inline std::int64_t blocks_for(std::int64_t n) {
  const std::int64_t blocks = divide_up(n, kThreads);
  return blocks < most_blocks() ? blocks : most_blocks();
}

// for (i = first_index(); i < n; i += index_step()): every i once, neighbouring threads at neighbouring places.  Above
// it stands `#pragma unroll 1`: most threads take one element, and to unroll the loop the compiler would let each of
// them divide what is left by the step.
__device__ inline std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + static_cast<std::int64_t>(threadIdx.x);
}
__device__ inline std::int64_t index_step() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

// ---- variants of a kernel: one source, one place that chooses -------------------------------------------------------

// Calls run.operator()<Index>(), Index being the type for kernels whose numbers stay below `counts`.
template <class Run>
void with_index(std::initializer_list<std::int64_t> counts, const Run& run) {
  if (fit_32_bits(counts) && !variants().wide)
    run.template operator()<std::int32_t>();
  else
    run.template operator()<std::int64_t>();
}
// Calls run.operator()<N>() with N = kPack, or 1 where that cannot be.
template <class Run>
void with_pack(bool packs, const Run& run) {
  if (packs && !variants().single)
    run.template operator()<kPack>();
  else
    run.template operator()<1>();
}
// Calls run.operator()<Index, N>().
template <class Run>
void with_index_and_pack(std::initializer_list<std::int64_t> counts, bool packs, const Run& run) {
  with_index(counts, [&]<class Index>() { with_pack(packs, [&]<int N>() { run.template operator()<Index, N>(); }); });
}

// Elements first, first + step, ... below last.  The step is a power of two, and the compiler sees it: to find how
// often an unrolled loop goes round it divides by a shift.
struct Stretch {
  std::int64_t first, last;
  int shift;
  __device__ std::int64_t step() const { return std::int64_t{1} << shift; }
};

}  // namespace medusa::cuda

// What a kernel sees of the simulated device: the keywords that nvcc has built in.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

// A __shared__ array is a static variable in a section of its own, found by name in shared.cpp.  One section per
// declaration, since g++ refuses statics of templates and of plain functions in one section.
#define MEDUSA_SIM_TEXT2(x) #x
#define MEDUSA_SIM_TEXT(x) MEDUSA_SIM_TEXT2(x)
#define __shared__ static __attribute__((section("medusa_shared_" MEDUSA_SIM_TEXT(__COUNTER__))))

// Where a barrier, shuffle or atomic stands, for reports: defaults of the functions below.
#define MEDUSA_SIM_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace sim {

uint3 thread_index();
uint3 block_index();
dim3 block_size();
dim3 grid_size();
int lane();

void barrier(const char* file, int line);

enum class Collective { Shuffle, Ballot, SyncWarp };
// The lanes of `mask` meet and show each other a value: 32 of them come back, by lane.
const std::uint64_t* meet(unsigned mask, Collective what, std::uint64_t value, const char* file, int line);
// The value that lane `source` of the mask shows; an error where that lane does not take part.
std::uint64_t shuffle(unsigned mask, std::uint64_t value, int source, const char* file, int line);
// Before an atomic operation: another thread may run first, and the checker learns that the access is atomic.
void before_atomic(const void* place, std::size_t bytes, const char* file, int line);

template <class T>
T shuffle_as(unsigned mask, T value, int source, const char* file, int line) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = shuffle(mask, bits, source, file, line);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace sim

#define threadIdx (::sim::thread_index())
#define blockIdx (::sim::block_index())
#define blockDim (::sim::block_size())
#define gridDim (::sim::grid_size())
constexpr int warpSize = 32;

inline void __syncthreads(MEDUSA_SIM_HERE) { sim::barrier(file, line); }
inline void __syncwarp(unsigned mask = 0xffffffffu, MEDUSA_SIM_HERE) {
  sim::meet(mask, sim::Collective::SyncWarp, 0, file, line);
}

// A lane whose source lies outside its group of `width` lanes gets its own value back.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, MEDUSA_SIM_HERE) {
  const int base = sim::lane() & ~(width - 1);
  return sim::shuffle_as(mask, value, base | (source & (width - 1)), file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, MEDUSA_SIM_HERE) {
  const int lane = sim::lane(), source = lane ^ bits;
  return sim::shuffle_as(mask, value, source < (lane & ~(width - 1)) + width ? source : lane, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned step, int width = 32, MEDUSA_SIM_HERE) {
  const int lane = sim::lane(), source = lane + static_cast<int>(step);
  return sim::shuffle_as(mask, value, source < (lane & ~(width - 1)) + width ? source : lane, file, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned step, int width = 32, MEDUSA_SIM_HERE) {
  const int lane = sim::lane(), source = lane - static_cast<int>(step);
  return sim::shuffle_as(mask, value, source >= (lane & ~(width - 1)) ? source : lane, file, line);
}
unsigned __ballot_sync(unsigned mask, int predicate, MEDUSA_SIM_HERE);
inline int __any_sync(unsigned mask, int predicate, MEDUSA_SIM_HERE) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, MEDUSA_SIM_HERE) {
  return __ballot_sync(mask, predicate, file, line) == mask;
}

// Nothing interrupts an atomic operation: threads change only where they wait.  Not instrumented, or the checker
// would see a plain read and a plain write.
template <class T>
__attribute__((no_sanitize("thread"))) T atomicAdd(T* place, std::type_identity_t<T> value, MEDUSA_SIM_HERE) {
  sim::before_atomic(place, sizeof(T), file, line);
  const T old = *place;
  *place = old + value;
  return old;
}

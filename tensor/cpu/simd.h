// Vectors of `real` for the instruction set that this file is being compiled for (GCC and Clang vector types).
// Every file of tensor/cpu lives in namespace medusa::MEDUSA_CPU, which the build defines as cpu_base, cpu_avx2 or
// cpu_avx512.  Trap: whatever a kernel file shares with other files as an inline function is merged by the linker,
// possibly into its AVX-512 version.  So kernel files use no inline functions of their own headers outside this
// namespace, and std:: functions only where they vanish into an instruction (tests/check_isa.sh looks at the objects).
#pragma once

#include <cstdint>
#include <cstring>

#include "tensor/real.h"

// Goes before a loop whose iterations are independent: element i is read and written by iteration i alone,
// also where the pointers are equal (in-place use), so that the compiler may vectorise without asking.
#if defined(__clang__)
#define MEDUSA_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define MEDUSA_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace medusa::MEDUSA_CPU {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

// kLanes reals; loads and stores need no alignment.
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(real));
typedef real Vec __attribute__((vector_size(kVectorBytes), aligned(sizeof(real)), may_alias));

static inline Vec load(const real* p) { return *reinterpret_cast<const Vec*>(p); }
static inline void store(real* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
// GCC folds x - 0 into a broadcast, but not 0 + x (which would change -0).
static inline Vec broadcast(real x) { return x - Vec{}; }

static inline std::int64_t min64(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
static inline std::int64_t max64(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

}  // namespace medusa::MEDUSA_CPU

// The one number type of the whole library, and the marker for functions that CPU and GPU share.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define MEDUSA_HD __host__ __device__
#else
// Always inlined: these functions are compiled into the kernels of several instruction sets, and a copy left
// out of line would be merged by the linker into any one of them (see tensor/cpu/simd.h).
#define MEDUSA_HD __attribute__((always_inline))
#endif

namespace medusa {

// float, or double in a build with -DMEDUSA_REAL=double (used to check gradients precisely).
// Labels and indices are whole numbers held in a `real`: exact up to 2^24 even for float.
#if defined(MEDUSA_REAL_DOUBLE)
using real = double;
#else
using real = float;
#endif

// A program and the library that it is linked with must agree on the number type: each object refers to a symbol of its
// own type's name, and the library (tensor/real.cpp) has one of the two.  Else: undefined reference to this name.
#if !defined(__CUDACC__)
namespace number_type {
#if defined(MEDUSA_REAL_DOUBLE)
extern const char medusa_was_built_with_double;
[[gnu::used]] static const char* const needed = &medusa_was_built_with_double;
#else
extern const char medusa_was_built_with_float;
[[gnu::used]] static const char* const needed = &medusa_was_built_with_float;
#endif
}  // namespace number_type
#endif

}  // namespace medusa

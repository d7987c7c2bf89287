#include "tensor/isa.h"

#include <cstdlib>
#include <string>

#include "tensor/check.h"

namespace medusa {

const char* name(Isa isa) { return isa == Isa::Avx512 ? "avx512" : isa == Isa::Avx2 ? "avx2" : "base"; }

namespace {

bool available(Isa isa) {
  switch (isa) {
#if defined(MEDUSA_HAVE_AVX512)
    case Isa::Avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("fma");
#endif
#if defined(MEDUSA_HAVE_AVX2)
    case Isa::Avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#endif
    default: return isa == Isa::Base;
  }
}

Isa choose() {
  if (const char* wanted = std::getenv("MEDUSA_SIMD"); wanted != nullptr && *wanted != '\0') {
    for (Isa isa : {Isa::Base, Isa::Avx2, Isa::Avx512})
      if (std::string(wanted) == name(isa)) {
        MEDUSA_CHECK_INPUT(available(isa), "MEDUSA_SIMD={}: this build or this machine does not have it", wanted);
        return isa;
      }
    fail_input("MEDUSA_SIMD={}: expected base, avx2 or avx512", wanted);
  }
  for (Isa isa : {Isa::Avx512, Isa::Avx2})
    if (available(isa)) return isa;
  return Isa::Base;
}

Isa& current() {
  static Isa isa = choose();
  return isa;
}

}  // namespace

Isa isa() { return current(); }

bool set_isa(Isa isa) {
  if (!available(isa)) return false;
  current() = isa;
  return true;
}

}  // namespace medusa

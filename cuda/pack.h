// N neighbouring numbers, read or written by one instruction: a quarter of the instructions, and of the work to find
// out where they are.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "tensor/real.h"

namespace medusa::cuda {

// The most that one instruction can take: 16 bytes, from a multiple of 16 bytes on.
constexpr int kPack = 16 / sizeof(real);

template <int N>
struct alignas(N * sizeof(real)) Pack {
  real v[N];
};
template <int N>
MEDUSA_HD inline const Pack<N>& pack_at(const real* x) {
  return *reinterpret_cast<const Pack<N>*>(x);
}
template <int N>
MEDUSA_HD inline Pack<N>& pack_at(real* x) {
  return *reinterpret_cast<Pack<N>*>(x);
}

// Whether a kernel can take packs of kPack: where its tensors begin, and how many neighbours each row has.
inline bool in_packs(std::initializer_list<const void*> begins, std::initializer_list<std::int64_t> neighbours) {
  for (const void* begin : begins)
    if (reinterpret_cast<std::uintptr_t>(begin) % 16 != 0) return false;
  for (const std::int64_t n : neighbours)
    if (n % kPack != 0) return false;
  return true;
}

}  // namespace medusa::cuda

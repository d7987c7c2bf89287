// Division of whole numbers by a number that is the same for all elements: a size, a stride.
//
// A GPU has no instruction that divides whole numbers: a 64-bit division is a subroutine of some 80 instructions.  But
// n / d is n times 1 / d, and 1 / d can be computed once, on the host, as a fraction m / 2^(32 + shift): what is left
// to the kernel is a multiplication, of which only the upper half is kept ("multiply-high"), an addition and a shift.
// README.md, "A division that is a multiplication", follows one.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "tensor/real.h"

namespace medusa::cuda {

template <class Index>
struct Divmod {
  Index quotient, remainder;
};

// FastDivmod<Index>(d)(n) is {n / d, n % d} for n >= 0.  A d of 0 is the size of an axis without elements: then there
// is no n, and it is taken for 1.
template <class Index>
class FastDivmod;

// Any n: the plain, slow division.
template <>
class FastDivmod<std::int64_t> {
 public:
  FastDivmod() = default;
  explicit FastDivmod(std::int64_t d) : divisor_(d > 0 ? d : 1) {}
  MEDUSA_HD std::int64_t divisor() const { return divisor_; }
  MEDUSA_HD Divmod<std::int64_t> operator()(std::int64_t n) const {
    const std::int64_t quotient = n / divisor_;
    return {quotient, n - quotient * divisor_};
  }

 private:
  std::int64_t divisor_ = 1;
};

// Exact for 0 <= n < 2^31 and every d >= 1.  Granlund, Montgomery 1994, "Division by invariant integers using
// multiplication", fig. 4.1: m = 2^32 + multiplier has 33 bits, so that n itself is added to the upper half of
// n * multiplier.  Below 2^31 this sum has 32 bits.
template <>
class FastDivmod<std::int32_t> {
 public:
  FastDivmod() = default;
  explicit FastDivmod(std::int64_t d) {
    const std::int64_t most = std::int64_t{1} << 31;
    d = d < 1 ? 1 : d > most ? most : d;  // from 2^31 on all quotients are 0
    while ((std::int64_t{1} << shift_) < d) ++shift_;
    const std::uint64_t above = (std::uint64_t{1} << shift_) - static_cast<std::uint64_t>(d);
    multiplier_ = static_cast<std::uint32_t>((above << 32) / static_cast<std::uint64_t>(d) + 1);
    divisor_ = static_cast<std::uint32_t>(d);
  }
  MEDUSA_HD std::int32_t divisor() const { return static_cast<std::int32_t>(divisor_); }
  MEDUSA_HD Divmod<std::int32_t> operator()(std::int32_t n) const {
    const std::uint32_t whole = static_cast<std::uint32_t>(n);
    const std::uint32_t high = static_cast<std::uint32_t>((std::uint64_t{whole} * multiplier_) >> 32);
    const std::uint32_t quotient = (high + whole) >> shift_;
    return {static_cast<std::int32_t>(quotient), static_cast<std::int32_t>(whole - quotient * divisor_)};
  }

 private:
  std::uint32_t divisor_ = 1, multiplier_ = 1, shift_ = 0;
};

// Whether 32-bit indices do for a kernel whose numbers stay below these: its elements, those of its tensors, and what
// it computes on the way.
inline bool fit_32_bits(std::initializer_list<std::int64_t> counts) {
  for (const std::int64_t count : counts)
    if (count >= std::int64_t{1} << 31) return false;
  return true;
}

}  // namespace medusa::cuda

#include "tensor/random.h"

#include <cmath>

#include "tensor/check.h"

namespace medusa {

double Random::normal() {
  const double u = 1.0 - uniform();  // (0, 1]: its logarithm is finite
  const double v = uniform();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
}

std::int64_t Random::below(std::int64_t n) {
  MEDUSA_CHECK(n >= 1, "random: below({}) has nothing to choose from", n);
  const std::uint64_t range = static_cast<std::uint64_t>(n);
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % range;  // reject the last, incomplete run of 0..n-1
  std::uint64_t value = next64();
  while (value >= limit) value = next64();
  return static_cast<std::int64_t>(value % range);
}

}  // namespace medusa

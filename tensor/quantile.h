// Quantiles of sorted values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "tensor/check.h"

namespace medusa {

// The value below which a share p (0 to 1) of the values lies, with linear interpolation between them, as numpy's:
// place p (n - 1).  Throws Error without values or for another p.
inline double quantile(const std::vector<double>& sorted, double p) {
  MEDUSA_CHECK(!sorted.empty() && p >= 0 && p <= 1, "quantile: {} of {} values", p, sorted.size());
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace medusa

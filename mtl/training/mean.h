// Mean of all defined values.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace medusa::mtl {

// Sums and means in double; NaN does not count.
struct Mean {
  double sum = 0;
  std::int64_t count = 0;
  void add(double value) {
    if (std::isnan(value)) return;
    sum += value;
    ++count;
  }
  double value() const {
    return count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
  }
};

}  // namespace medusa::mtl

// The range of values that inspect reports of pictures, volumes, tensors and tables.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tools/inspect/inspect.h"

namespace medusa::tools {

struct Range {
  double least = std::numeric_limits<double>::infinity(), most = -least, sum = 0;
  std::int64_t count = 0, not_finite = 0;

  void add(double value) {
    if (!std::isfinite(value)) {
      ++not_finite;
      return;
    }
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
    ++count;
  }
  void describe(Json* json) const {
    if (count > 0) {
      (*json)["min"] = least;
      (*json)["max"] = most;
      (*json)["mean"] = sum / static_cast<double>(count);
    }
    if (not_finite > 0) (*json)["not_finite"] = not_finite;
  }
};

}  // namespace medusa::tools

#include "tools/report/svg.h"

#include <algorithm>
#include <cmath>

namespace medusa::tools {

double round_step(double low, double high) {
  const double raw = std::max(high - low, 1e-12) / 4, power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw) return factor * power;
  return 10 * power;
}

}  // namespace medusa::tools

// The scalar function and its derivative: both backends use these very lines, as the library's own do (tensor/math.h).
#pragma once

#include <cmath>

#include "tensor/real.h"

namespace my {

struct Softplus {
  static MEDUSA_HD medusa::real f(medusa::real x) {  // without overflow on either side
    return (x > 0 ? x : medusa::real(0)) + std::log1p(std::exp(x > 0 ? -x : x));
  }
  static MEDUSA_HD medusa::real df(medusa::real x) { return 1 / (1 + std::exp(-x)); }
};

}  // namespace my

// Values that every language computes alike: sin(1.7 i + k).  The tests hold numbers that PyTorch computed from them.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tensor/tensor.h"

namespace medusa::test {

inline Tensor ramp(const Shape& shape, double k = 0) {
  std::vector<real> values(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<real>(std::sin(1.7 * static_cast<double>(i) + k));
  return Tensor::from(values, shape);
}

// Expected values are written with nine digits or more.
inline bool close(double got, double expected) {
  const double tolerance = sizeof(real) == 8 ? 1e-8 : 3e-5;
  return std::abs(got - expected) <= tolerance * std::max(std::abs(expected), 0.1);
}

inline void check_values(const Tensor& got, const std::vector<double>& expected) {
  const std::vector<real> values = got.to_vector();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CAPTURE(values[i]);
    CAPTURE(expected[i]);
    CHECK(close(static_cast<double>(values[i]), expected[i]));
  }
}

}  // namespace medusa::test

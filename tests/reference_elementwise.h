// Specification of the elementwise functions, in double.
#pragma once

#include <algorithm>

#include "tests/reference.h"

namespace medusa::reference {

// y_i = f(x_i)
inline Array map(const Array& x, const std::function<double(double)>& f) {
  Array y(x.shape);
  for (std::int64_t i = 0; i < y.shape.numel(); ++i) y[i] = f(x[i]);
  return y;
}

// The element of x that a place of y reads, where x is repeated along its axes of size 1.
inline std::int64_t repeated(const Array& x, const Shape& y, std::int64_t place) {
  std::int64_t at = 0, step = 1;
  for (int axis = y.rank() - 1; axis >= 0; --axis) {
    const std::int64_t coordinate = place % y[axis];
    place /= y[axis];
    if (x.size(axis) != 1) at += coordinate * step;
    step *= x.size(axis);
  }
  return at;
}

// y = f(a, b), axes of size 1 repeated
inline Array combine(const Array& a, const Array& b, const std::function<double(double, double)>& f) {
  Shape shape = a.shape;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (shape[axis] == 1) shape[axis] = b.size(axis);
  Array y(shape);
  for (std::int64_t i = 0; i < shape.numel(); ++i) y[i] = f(a[repeated(a, shape, i)], b[repeated(b, shape, i)]);
  return y;
}

}  // namespace medusa::reference

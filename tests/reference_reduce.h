// Specification of the reductions, in double.
#pragma once

#include "tests/reference.h"

namespace medusa::reference {

// y[o, i] = scale * sum_k x[o, k, i] along one axis, which stays with size 1 where `keep`
inline Array sum(const Array& x, int axis, double scale = 1, bool keep = false) {
  Shape shape;
  std::int64_t inner = 1;
  for (int i = 0; i < x.shape.rank(); ++i) {
    if (i != axis) shape.push_back(x.size(i));
    if (i == axis && keep) shape.push_back(1);
    if (i > axis) inner *= x.size(i);
  }
  if (shape.rank() == 0) shape.push_back(1);
  Array y(shape);
  for (std::int64_t i = 0; i < x.shape.numel(); ++i) y[i / (inner * x.size(axis)) * inner + i % inner] += scale * x[i];
  return y;
}

inline Array sum_all(const Array& x, double scale = 1) {
  Array y(Shape{1});
  for (double v : x.v) y[0] += scale * v;
  return y;
}

}  // namespace medusa::reference

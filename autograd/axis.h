// Axes given by a caller: counted from the end where negative, checked, and turned into what kernels want.
#pragma once

#include "tensor/geometry.h"
#include "tensor/shape.h"

namespace medusa {

// 0..rank-1; throws Error naming the op for an axis that the shape does not have.
inline int checked_axis(const char* op, const Shape& shape, int axis) {
  MEDUSA_CHECK(axis >= -shape.rank() && axis < shape.rank(), "{}: axis {} of {}, which has {} axes", op, axis, shape,
               shape.rank());
  return axis < 0 ? axis + shape.rank() : axis;
}

// The shape as [axes before, the axis, axes after].
inline Rows rows_along(const Shape& shape, int axis) {
  Rows r;
  r.length = shape[axis];
  for (int i = 0; i < axis; ++i) r.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) r.inner *= shape[i];
  return r;
}

}  // namespace medusa

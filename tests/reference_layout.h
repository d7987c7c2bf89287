// Specification of the moves, in double.
#pragma once

#include "tests/reference.h"

namespace medusa::reference {

// y's place -> x's place, as coordinates.
inline Array gather(const Array& x, const Shape& shape,
                    const std::function<void(const std::vector<std::int64_t>&, std::vector<std::int64_t>&)>& source) {
  Array y(shape);
  std::vector<std::int64_t> at(static_cast<std::size_t>(shape.rank())), from(at.size());
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    std::int64_t rest = i;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      at[static_cast<std::size_t>(axis)] = rest % shape[axis];
      rest /= shape[axis];
    }
    source(at, from);
    std::int64_t place = 0;
    for (int axis = 0; axis < x.shape.rank(); ++axis)
      place = place * x.size(axis) + from[static_cast<std::size_t>(axis)];
    y[i] = x[place];
  }
  return y;
}

inline Array permute(const Array& x, const std::vector<int>& axes) {
  Shape shape;
  for (int axis : axes) shape.push_back(x.size(axis));
  return gather(x, shape, [&](const auto& at, auto& from) {
    for (std::size_t i = 0; i < axes.size(); ++i) from[static_cast<std::size_t>(axes[i])] = at[i];
  });
}

inline Array flip(const Array& x, int axis) {
  return gather(x, x.shape, [&](const auto& at, auto& from) {
    from = at;
    from[static_cast<std::size_t>(axis)] = x.size(axis) - 1 - at[static_cast<std::size_t>(axis)];
  });
}

inline Array slice(const Array& x, int axis, std::int64_t start, std::int64_t length) {
  Shape shape = x.shape;
  shape[axis] = length;
  return gather(x, shape, [&](const auto& at, auto& from) {
    from = at;
    from[static_cast<std::size_t>(axis)] += start;
  });
}

inline Array concat(const std::vector<Array>& parts, int axis) {
  Shape shape = parts[0].shape;
  shape[axis] = 0;
  for (const Array& part : parts) shape[axis] += part.size(axis);
  Array y(shape);
  std::int64_t inner = 1, start = 0;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  for (const Array& part : parts) {
    const std::int64_t row = part.size(axis) * inner;
    for (std::int64_t i = 0; i < part.shape.numel(); ++i) y[i / row * shape[axis] * inner + start + i % row] = part[i];
    start += row;
  }
  return y;
}

}  // namespace medusa::reference

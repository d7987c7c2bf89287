// Walking over a dense output while following one or two strided inputs (broadcast, permuted, flipped).
// First axes that can be walked as one are merged, then the output is visited in runs along its last axis.
#pragma once

#include <cstdint>

#include "tensor/cpu/simd.h"

namespace medusa::MEDUSA_CPU {

// Up to six axes, INNERMOST FIRST, of the output; stride[j][axis] is that of input j.
template <int kInputs>
struct Axes {
  int rank = 1;
  std::int64_t size[6] = {1, 1, 1, 1, 1, 1};
  std::int64_t stride[kInputs][6] = {};

  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= size[i];
    return n;
  }
};

template <int kInputs>
struct StrideTable {
  const std::int64_t* of[kInputs];
};

// From sizes and strides with the outermost axis first: drops axes of size 1 and joins an axis to the one inside it
// where a step along it is, for every input, a whole pass over the inner one.
template <int kInputs>
static inline Axes<kInputs> merge_axes(const std::int64_t (&size)[6], StrideTable<kInputs> strides) {
  Axes<kInputs> axes;
  int last = -1;
  for (int from = 5; from >= 0; --from) {
    if (size[from] == 1) continue;
    bool joins = last >= 0;
    for (int j = 0; j < kInputs; ++j) joins = joins && strides.of[j][from] == axes.stride[j][last] * axes.size[last];
    if (joins) {
      axes.size[last] *= size[from];
      continue;
    }
    axes.size[++last] = size[from];
    for (int j = 0; j < kInputs; ++j) axes.stride[j][last] = strides.of[j][from];
  }
  axes.rank = last < 0 ? 1 : last + 1;
  if (last < 0)  // a single element: any stride will do, 1 takes the fast path
    for (int j = 0; j < kInputs; ++j) axes.stride[j][0] = 1;
  return axes;
}

// Visits outputs begin..end-1 in runs along axis 0: outputs place .. place + run - 1, which in input j start at
// offset[j] and are stride[j][0] apart.  Done when run is 0.
template <int kInputs>
struct Walk {
  const Axes<kInputs>& axes;
  std::int64_t place, end, run, index[6] = {}, offset[kInputs] = {};

  Walk(const Axes<kInputs>& a, std::int64_t begin, std::int64_t stop) : axes(a), place(begin), end(stop) {
    std::int64_t rest = begin;
    for (int i = 0; i < axes.rank && rest > 0; ++i) {
      index[i] = rest % axes.size[i];
      rest /= axes.size[i];
      for (int j = 0; j < kInputs; ++j) offset[j] += index[i] * axes.stride[j][i];
    }
    run = min64(axes.size[0] - index[0], end - place);
  }

  void next() {
    place += run;
    for (int j = 0; j < kInputs; ++j) offset[j] -= index[0] * axes.stride[j][0];
    index[0] = 0;
    for (int i = 1; i < axes.rank; ++i) {
      ++index[i];
      for (int j = 0; j < kInputs; ++j) offset[j] += axes.stride[j][i];
      if (index[i] < axes.size[i]) break;
      for (int j = 0; j < kInputs; ++j) offset[j] -= index[i] * axes.stride[j][i];
      index[i] = 0;
    }
    run = min64(axes.size[0], end - place);
  }
};

}  // namespace medusa::MEDUSA_CPU

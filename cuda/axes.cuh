// From the number of an element to its place along axes, dense or strided (broadcast, permuted, flipped).  For both
// types of index: see with_index() in launch.h.
#pragma once

#include <cstdint>

#include "cuda/fast_divmod.h"

namespace medusa::cuda {

// The sizes of a dense array [first axis, size[0], ..., size[kAxes - 1]]; that of the first axis is of no concern.
template <class Index, int kAxes>
struct Extents {
  FastDivmod<Index> size[kAxes];

  // The places of element `at` along all axes, outermost first.
  struct Coordinates {
    Index place[kAxes + 1];
    MEDUSA_HD Index operator[](int axis) const { return place[axis]; }
  };
  MEDUSA_HD Coordinates coordinates(Index at) const {
    Coordinates c;
    for (int i = kAxes; i > 0; --i) {
      const Divmod<Index> outer = size[i - 1](at);
      c.place[i] = outer.remainder;
      at = outer.quotient;
    }
    c.place[0] = at;
    return c;
  }
  // The element at these places.
  template <class... Inner>
  MEDUSA_HD Index element(Index first, Inner... inner) const {
    static_assert(sizeof...(Inner) == kAxes);
    const Index place[] = {inner...};
    for (int i = 0; i < kAxes; ++i) first = first * size[i].divisor() + place[i];
    return first;
  }
};

// Extents of a dense [n, depth, height, width, channels].
template <class Index>
Extents<Index, 4> image_extents(const std::int64_t (&size)[3], std::int64_t channels) {
  return {{FastDivmod<Index>(size[0]), FastDivmod<Index>(size[1]), FastDivmod<Index>(size[2]),
           FastDivmod<Index>(channels)}};
}

// Up to six axes of the output, innermost first; stride[j][axis] is that of input j.
template <class Index, int kInputs>
struct Axes {
  int rank = 0;
  FastDivmod<Index> size[6];
  Index stride[kInputs][6];

  // Where in the inputs the elements for output element `at` are.
  MEDUSA_HD void offsets(Index at, Index (&offset)[kInputs]) const {
    for (int j = 0; j < kInputs; ++j) offset[j] = 0;
    for (int i = 0; i + 1 < rank; ++i) {
      const Divmod<Index> outer = size[i](at);
      for (int j = 0; j < kInputs; ++j) offset[j] += outer.remainder * stride[j][i];
      at = outer.quotient;
    }
    if (rank > 0)
      for (int j = 0; j < kInputs; ++j) offset[j] += at * stride[j][rank - 1];
  }
};

// The axes of a kernel before the type of its indices is known.
template <int kInputs>
struct MergedAxes {
  int rank = 0;
  std::int64_t size[6], stride[kInputs][6];

  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= size[i];
    return n;
  }
  // One more than the largest distance of an element of input j from the one of output element 0.
  std::int64_t reach(int j) const {
    std::int64_t reach = 1;
    for (int i = 0; i < rank; ++i) reach += (size[i] - 1) * (stride[j][i] < 0 ? -stride[j][i] : stride[j][i]);
    return reach;
  }
  // Whether n neighbours of the output are, from a multiple of n on, n neighbours in every input, or one element.
  bool in_runs_of(std::int64_t n) const {
    if (rank == 0 || size[0] % n != 0) return false;
    for (int j = 0; j < kInputs; ++j) {
      if (stride[j][0] != 0 && stride[j][0] != 1) return false;
      for (int i = 1; i < rank; ++i)
        if (stride[j][0] == 1 && stride[j][i] % n != 0) return false;
    }
    return true;
  }
  template <class Index>
  Axes<Index, kInputs> with() const {
    Axes<Index, kInputs> axes{};
    axes.rank = rank;
    for (int i = 0; i < rank; ++i) {
      axes.size[i] = FastDivmod<Index>(size[i]);
      for (int j = 0; j < kInputs; ++j) axes.stride[j][i] = static_cast<Index>(stride[j][i]);
    }
    return axes;
  }
};

// From sizes and strides with the outermost axis first: drops axes of size 1 and joins an axis to the one inside it
// where a step along it is, for every input, a whole pass over the inner one: fewer axes need fewer divisions.
template <int kInputs>
MergedAxes<kInputs> merge_axes(const std::int64_t (&size)[6], const std::int64_t* const (&strides)[kInputs]) {
  MergedAxes<kInputs> axes{};
  int last = -1;
  for (int from = 5; from >= 0; --from) {
    if (size[from] == 1) continue;
    bool joins = last >= 0;
    for (int j = 0; j < kInputs; ++j) joins = joins && strides[j][from] == axes.stride[j][last] * axes.size[last];
    if (joins) {
      axes.size[last] *= size[from];
      continue;
    }
    axes.size[++last] = size[from];
    for (int j = 0; j < kInputs; ++j) axes.stride[j][last] = strides[j][from];
  }
  axes.rank = last + 1;
  return axes;
}

}  // namespace medusa::cuda

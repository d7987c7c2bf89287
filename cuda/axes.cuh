// From the number of an element to its place along axes, dense or strided (broadcast, permuted, flipped).
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace medusa::cuda {

// Where element `at` of a dense [n, depth, height, width, channels] is.
struct Coordinates {
  std::int64_t n, d, h, w, c;
  __device__ Coordinates(std::int64_t at, std::int64_t depth, std::int64_t height, std::int64_t width,
                         std::int64_t channels) {
    c = at % channels, at /= channels;
    w = at % width, at /= width;
    h = at % height, at /= height;
    d = at % depth, n = at / depth;
  }
};

// Up to six axes of the output, innermost first; stride[j][axis] is that of input j.
template <int kInputs>
struct Axes {
  int rank = 0;
  std::int64_t size[6], stride[kInputs][6];

  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= size[i];
    return n;
  }
  // Where in the inputs the elements for output element `at` are.
  __device__ void offsets(std::int64_t at, std::int64_t (&offset)[kInputs]) const {
    for (int j = 0; j < kInputs; ++j) offset[j] = 0;
    for (int i = 0; i < rank; ++i) {
      const std::int64_t rest = i + 1 < rank ? at / size[i] : 0, index = at - rest * size[i];
      for (int j = 0; j < kInputs; ++j) offset[j] += index * stride[j][i];
      at = rest;
    }
  }
};

// From sizes and strides with the outermost axis first: drops axes of size 1 and joins an axis to the one inside it
// where a step along it is, for every input, a whole pass over the inner one.  Divisions are the main cost: fewer axes
// need fewer.
template <int kInputs>
Axes<kInputs> merge_axes(const std::int64_t (&size)[6], const std::int64_t* const (&strides)[kInputs]) {
  Axes<kInputs> axes{};
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

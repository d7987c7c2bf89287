// Which number of the input stands where in the unfolded input of a convolution (see conv.cu).
#pragma once

#include "cuda/axes.cuh"
#include "tensor/conv_pass.h"

namespace medusa::cuda {

// Places of a pass as [n, depth, height, width].
template <class Index>
Extents<Index, 3> place_extents(const ConvPass& p) {
  return {{FastDivmod<Index>(p.axis[0].count), FastDivmod<Index>(p.axis[1].count), FastDivmod<Index>(p.axis[2].count)}};
}

// Elements are packs of `pack` channels: `columns` is an array [places, taps, taps, taps, cin / pack], x one of
// [n, depth, height, width, cin * groups / pack].
template <class Index>
struct Unfolding {
  struct Axis {
    Index in_size, in_stride, offset, offset_step;
  };
  Extents<Index, 4> columns;
  Extents<Index, 3> places;
  Axis axis[3];
  Index pixel, first_channel;  // packs of a pixel of x; the first of the group

  Unfolding(const ConvPass& p, std::int64_t group, std::int64_t pack) : places(place_extents<Index>(p)) {
    for (int a = 0; a < 3; ++a) {
      const ConvAxis& from = p.axis[a];
      columns.size[a] = FastDivmod<Index>(from.taps);
      axis[a] = {static_cast<Index>(from.in_size), static_cast<Index>(from.in_stride), static_cast<Index>(from.offset),
                 static_cast<Index>(from.offset_step)};
    }
    columns.size[3] = FastDivmod<Index>(p.cin / pack);
    pixel = static_cast<Index>(p.cin * p.groups / pack);
    first_channel = static_cast<Index>(group * p.cin / pack);
  }
  // Where in x element `at` of the columns from place `first` on is; -1 outside the input.
  MEDUSA_HD Index source(Index first, Index at) const {
    const auto column = columns.coordinates(at);
    const auto place = places.coordinates(first + column[0]);
    Index from = place[0];
    for (int a = 0; a < 3; ++a) {
      const Index along = place[a + 1] * axis[a].in_stride + axis[a].offset + column[a + 1] * axis[a].offset_step;
      if (along < 0 || along >= axis[a].in_size) return -1;
      from = from * axis[a].in_size + along;
    }
    return from * pixel + first_channel + column[4];
  }
};

// One more than the largest number that Unfolding computes for `count` places at once.
inline std::int64_t unfolding_reach(const ConvPass& p, std::int64_t count) {
  std::int64_t places = p.n, x = p.n * p.cin * p.groups, reach = count * p.taps() * p.cin;
  const auto at_least = [&](std::int64_t n) { reach = reach < n ? n : reach; };
  for (const ConvAxis& a : p.axis) {
    places *= a.count;
    x *= a.in_size;
    at_least(a.count * a.in_stride + (a.offset < 0 ? -a.offset : a.offset) +
             a.taps * (a.offset_step < 0 ? -a.offset_step : a.offset_step) + 1);
  }
  at_least(places);
  at_least(x);
  return reach;
}

}  // namespace medusa::cuda

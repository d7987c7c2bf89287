// Moving data: permutations, flips, broadcasts, slices.
#include <cstring>

#include "tensor/cpu/strided_loop.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // elements per piece

void copy_run(const real* x, std::int64_t stride, real* y, std::int64_t n) {
  if (stride == 1) {
    std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(real));
  } else if (stride == 0) {
    const real value = x[0];
    for (std::int64_t i = 0; i < n; ++i) y[i] = value;
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i] = x[i * stride];
  }
}

// A transposition: axis 0 of the output is strided in x, axis t is dense there.  Done in tiles of 16 x 16, so that
// a line of memory, once fetched, is used whole on both sides.
void transpose(const real* x, real* y, const Axes<1>& axes, int t) {
  constexpr std::int64_t kSide = 16;
  std::int64_t step[6];  // in y
  step[0] = 1;
  for (int i = 1; i < 6; ++i) step[i] = step[i - 1] * axes.size[i - 1];
  const std::int64_t columns = axes.size[0], rows = axes.size[t], stride = axes.stride[0][0];
  const std::int64_t bands = (rows + kSide - 1) / kSide, others = axes.numel() / (columns * rows);
  const std::int64_t job_size = columns * kSide;
  parallel_for(others * bands, max64(1, kGrain / job_size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const real* from = x;
      real* to = y;
      std::int64_t rest = job / bands;
      for (int i = 1; i < axes.rank; ++i) {
        if (i == t) continue;
        from += rest % axes.size[i] * axes.stride[0][i];
        to += rest % axes.size[i] * step[i];
        rest /= axes.size[i];
      }
      const std::int64_t row = job % bands * kSide, row_end = min64(row + kSide, rows);
      for (std::int64_t column = 0; column < columns; column += kSide) {
        const std::int64_t column_end = min64(column + kSide, columns);
        for (std::int64_t r = row; r < row_end; ++r)
          for (std::int64_t c = column; c < column_end; ++c) to[r * step[t] + c] = from[r + c * stride];
      }
    }
  });
}

}  // namespace

void strided_copy(const real* x, real* y, StridedGeometry g) {
  const Axes<1> axes = merge_axes<1>(g.size, {{g.stride}});
  if (axes.numel() == 0) return;
  x += g.offset;
  if (axes.stride[0][0] != 1 && axes.stride[0][0] != 0)
    for (int t = 1; t < axes.rank; ++t)
      if (axes.stride[0][t] == 1) return transpose(x, y, axes, t);
  parallel_for(axes.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (Walk<1> at(axes, begin, end); at.run > 0; at.next())
      copy_run(x + at.offset[0], axes.stride[0][0], y + at.place, at.run);
  });
}

void slice_copy(const real* x, real* y, SliceGeometry g) {
  const std::int64_t row = g.length * g.inner;
  if (row == 0) return;
  x += g.from_start * g.inner, y += g.to_start * g.inner;
  const std::int64_t from_step = g.from_length * g.inner, to_step = g.to_length * g.inner;
  if (row > kGrain) {  // few long rows: each in pieces
    parallel_for(g.outer * row, kGrain, [=](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t o = begin / row, at = begin % row, run = min64(row - at, end - begin);
        std::memcpy(y + o * to_step + at, x + o * from_step + at, static_cast<std::size_t>(run) * sizeof(real));
        begin += run;
      }
    });
    return;
  }
  parallel_for(g.outer, kGrain / row, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      const real* from = x + o * from_step;
      real* to = y + o * to_step;
      if (row >= 16 * kLanes) {
        std::memcpy(to, from, static_cast<std::size_t>(row) * sizeof(real));
        continue;
      }
      std::int64_t i = 0;  // a call would take longer than such a short copy
      for (; i + kLanes <= row; i += kLanes) store(to + i, load(from + i));
      for (; i < row; ++i) to[i] = from[i];
    }
  });
}

}  // namespace medusa::MEDUSA_CPU

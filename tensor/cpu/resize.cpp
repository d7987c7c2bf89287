// Resizing.  A table per axis says which input places, with which weights, make each output place; the backward pass is
// the same walk with the tables transposed, so every sum has a fixed order.
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/simd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // elements of y per piece

struct Tap {
  std::int64_t place;
  real weight;
};

// The taps of output place o are taps[start[o]] .. taps[start[o + 1] - 1].
struct Table {
  Table(std::int64_t count, std::int64_t tap_count) : outputs(count), start(count + 1), taps(tap_count) {}
  std::int64_t outputs;
  Scratch<std::int64_t> start;
  Scratch<Tap> taps;
};

// At most two taps per place.  Linear: pixel i of n has its centre at (i + 0.5) / n; beyond the outermost centres the
// outermost pixel is repeated.
void fill_forward(Table& table, std::int64_t in, bool linear) {
  const std::int64_t out = table.outputs;
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < out; ++o) {
    table.start[o] = count;
    if (!linear) {
      table.taps[count++] = {o * in / out, 1};
      continue;
    }
    double x = (static_cast<double>(o) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    if (x < 0) x = 0;
    const std::int64_t low = min64(static_cast<std::int64_t>(x), in - 1);
    const double share = low + 1 < in ? x - static_cast<double>(low) : 0;
    table.taps[count++] = {low, static_cast<real>(1 - share)};
    if (share > 0) table.taps[count++] = {low + 1, static_cast<real>(share)};
  }
  table.start[out] = count;
}

// For each input place the outputs that read it, in order.
void fill_transposed(Table& table, const Table& forward) {
  const std::int64_t in = table.outputs;
  std::int64_t* start = table.start.data();
  for (std::int64_t i = 0; i <= in; ++i) start[i] = 0;
  for (std::int64_t t = 0; t < forward.start[forward.outputs]; ++t) ++start[forward.taps[t].place + 1];
  for (std::int64_t i = 0; i < in; ++i) start[i + 1] += start[i];
  const Scratch<std::int64_t> next(in);
  for (std::int64_t i = 0; i < in; ++i) next[i] = start[i];
  for (std::int64_t o = 0; o < forward.outputs; ++o)
    for (std::int64_t t = forward.start[o]; t < forward.start[o + 1]; ++t)
      table.taps[next[forward.taps[t].place]++] = {o, forward.taps[t].weight};
}

// y += w x or, as the first of a sum, y = w x.
void add_row(real w, const real* __restrict x, real* __restrict y, std::int64_t n, bool first) {
  if (first) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = w * x[i];
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i] += w * x[i];
  }
}

// y[w, c] = sum over the taps of w of x[tap, c]
void resize_row(const Table& table, const real* x, real* y, std::int64_t c) {
  for (std::int64_t w = 0; w < table.outputs; ++w) {
    const std::int64_t first = table.start[w], last = table.start[w + 1];
    if (first == last)
      for (std::int64_t i = 0; i < c; ++i) y[w * c + i] = 0;
    for (std::int64_t t = first; t < last; ++t)
      add_row(table.taps[t].weight, x + table.taps[t].place * c, y + w * c, c, t == first);
  }
}

// x [n, in.., c] -> y [n, out.., c]: for each row of y, first adds up the rows of x that it is made of, dense and fast,
// then the places along that row.
void apply(const Table* const (&tables)[3], const real* x, real* y, std::int64_t n, std::int64_t c,
           const std::int64_t (&in)[3]) {
  const Table &depth = *tables[0], &height = *tables[1], &width = *tables[2];
  const std::int64_t in_row = in[2] * c, out_row = width.outputs * c;
  parallel_for(n * depth.outputs * height.outputs, max64(1, kGrain / max64(1, out_row)),
               [&](std::int64_t begin, std::int64_t end) {
                 const Scratch<real> sum(in_row);
                 for (std::int64_t row = begin; row < end; ++row) {
                   const std::int64_t h = row % height.outputs, d = row / height.outputs % depth.outputs;
                   const real* image = x + row / height.outputs / depth.outputs * in[0] * in[1] * in_row;
                   bool first = true;
                   for (std::int64_t i = depth.start[d]; i < depth.start[d + 1]; ++i)
                     for (std::int64_t j = height.start[h]; j < height.start[h + 1]; ++j) {
                       const Tap& a = depth.taps[i];
                       const Tap& b = height.taps[j];
                       add_row(a.weight * b.weight, image + (a.place * in[1] + b.place) * in_row, sum.data(), in_row,
                               first);
                       first = false;
                     }
                   if (first)  // nothing reads this row: its gradient is 0
                     for (std::int64_t i = 0; i < in_row; ++i) sum[i] = 0;
                   resize_row(width, sum.data(), y + row * out_row, c);
                 }
               });
}

}  // namespace

void resize(const real* x, real* y, ResizeGeometry g) {
  Table d(g.out[0], 2 * g.out[0]), h(g.out[1], 2 * g.out[1]), w(g.out[2], 2 * g.out[2]);
  fill_forward(d, g.in[0], g.linear);
  fill_forward(h, g.in[1], g.linear);
  fill_forward(w, g.in[2], g.linear);
  apply({&d, &h, &w}, x, y, g.n, g.c, g.in);
}

void resize_backward(const real* dy, real* dx, ResizeGeometry g) {
  Table d(g.in[0], 2 * g.out[0]), h(g.in[1], 2 * g.out[1]), w(g.in[2], 2 * g.out[2]);
  Table* const transposed[3] = {&d, &h, &w};
  for (int axis = 0; axis < 3; ++axis) {
    Table forward(g.out[axis], 2 * g.out[axis]);
    fill_forward(forward, g.in[axis], g.linear);
    fill_transposed(*transposed[axis], forward);
  }
  apply({&d, &h, &w}, dy, dx, g.n, g.c, g.out);
}

}  // namespace medusa::MEDUSA_CPU

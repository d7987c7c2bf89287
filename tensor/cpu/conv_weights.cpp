// The gradient of a convolution's weights: dw[k][c][o] = sum over images and pixels of x[pixel under tap k][c]
// dy[pixel][o].
//
// The same register tile as forward, the other way round: its rows are the kW x Cin numbers under a tap row of the
// kernel, its columns output channels, and the sum runs along the pixels of a band of output rows:
//
//                               dy: pixels x 2 vectors of channels
//      band of x                +---------+
//      pixels x (kW Cin)^T  x   |         |   added to dw[kH][.. 6 rows ..][2 vectors]
//                               +---------+
//
// The bands of all images are cut into a fixed number of pieces with a private dw each, added in order at the end:
// the same bits for any number of threads.  Large weights, whose copies are costly, are cut along Cout instead.
#include "tensor/cpu/conv.h"
#include "tensor/cpu/gemm.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/cpu/winograd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

alignas(64) constexpr real kZeros[kMaxTileWidth] = {};
constexpr std::int64_t kPieces = 16, kCopyNumbers = std::int64_t{1} << 23;  // at most 32 MB of private copies

struct Work {
  ConvPass pass;
  ConvLayout layout;
  const real* dy;
  std::int64_t padded, bands, units;  // padded cout; a unit is a band of a plane of an image
  std::int64_t pieces, unit_grain;    // units per piece
  std::int64_t splits, split_width;   // columns per split
  std::int64_t copy;                  // numbers in a private dw: [group][tap][cin][padded]
};

Work plan(const ConvGeometry& g, const real* x, const real* dy) {
  Work w;
  w.pass = forward_pass(g);
  w.pass.x = x;
  w.dy = dy;
  w.layout = make_layout(w.pass);
  w.padded = padded_columns(w.pass.cout);
  w.bands = (g.out[1] + w.layout.rows - 1) / w.layout.rows;
  w.units = g.n * g.out[0] * w.bands;
  w.copy = g.groups * w.pass.taps() * w.pass.cin * w.padded;
  const std::int64_t most = max64(min64(kPieces, kCopyNumbers / max64(w.copy, 1)), 1);
  w.unit_grain = max64((w.units + most - 1) / most, 1);
  w.pieces = max64((w.units + w.unit_grain - 1) / w.unit_grain, 1);
  const std::int64_t blocks = (w.padded + 2 * kLanes - 1) / (2 * kLanes);
  w.splits = min64(blocks, (kPieces + w.pieces - 1) / w.pieces);
  w.split_width = (blocks + w.splits - 1) / w.splits * 2 * kLanes;
  w.splits = (w.padded + w.split_width - 1) / w.split_width;
  return w;
}

// Pads the rows of dy to whole vectors per pixel, unless they are already.
void copy_dy(const Work& w, const real* dy, std::int64_t pixels, std::int64_t o0, std::int64_t o1, real* to) {
  const std::int64_t channels = w.pass.cout * w.pass.groups, valid = min64(o1, w.pass.cout) - o0;
  for (std::int64_t i = 0; i < pixels; ++i, to += o1 - o0) {
    for (std::int64_t o = 0; o < valid; ++o) to[o] = dy[i * channels + o0 + o];
    for (std::int64_t o = valid; o < o1 - o0; ++o) to[o] = 0;
  }
}

// dw[.., o0..o1] of one group += one band's products; a points at the band's first pixel, b at dy there.
void add_band(const Work& w, const real* a, std::int64_t height, const std::int64_t* segment, std::int64_t rows,
              const real* b, std::int64_t b_row, std::int64_t o0, std::int64_t o1, bool first, real* dw) {
  const ConvPass& p = w.pass;
  const ConvLayout& l = w.layout;
  const ConvAxis* axis = p.axis;
  const std::int64_t numbers = l.joined ? axis[2].taps * p.cin : p.cin, across = l.joined ? 1 : axis[2].taps;
  for (std::int64_t tap = 0; tap < axis[0].taps * axis[1].taps * across; ++tap, dw += numbers * w.padded) {
    const std::int64_t d = tap / (axis[1].taps * across), h = tap / across % axis[1].taps, c = tap % across;
    const std::int64_t depth_step = l.direct ? axis[0].offset_step : 1;
    const real* under =
        a + ((d * depth_step * height + h * axis[1].offset_step) * l.width + c * axis[2].offset_step) * l.pixel;
    for (std::int64_t o = o0; o < o1;) {
      const int vectors = block_vectors(o1, o), most = even_rows(numbers, vectors);
      TileSum t{nullptr,
                segment,
                rows,
                axis[2].count,
                1,
                axis[2].in_stride * l.pixel,
                b + (o - o0),
                axis[2].count * b_row,
                b_row,
                nullptr,
                first ? 0 : w.padded,
                nullptr,
                w.padded};
      for (std::int64_t i = 0; i < numbers; i += most) {
        const int tile_rows = static_cast<int>(min64(most, numbers - i));
        t.a = under + i;
        t.c = dw + i * w.padded + o;
        t.start = first ? kZeros : t.c;
        find_tile(tile_rows, vectors, 1)(t);
      }
      o += vectors * kLanes;
    }
  }
}

// One unit of work for one group: copies the band where it must, then adds its products.
void run_unit(const Work& w, std::int64_t unit, std::int64_t group, std::int64_t o0, std::int64_t o1, bool first,
              real* dw) {
  const ConvPass& p = w.pass;
  const ConvLayout& l = w.layout;
  const ConvAxis* axis = p.axis;
  const std::int64_t row0 = unit % w.bands * l.rows, rows = min64(l.rows, axis[1].count - row0);
  const std::int64_t q = unit / w.bands % axis[0].count, n = unit / w.bands / axis[0].count;
  const std::int64_t channels = p.cin * p.groups, out_channels = p.cout * p.groups, pixels = rows * axis[2].count;
  const std::int64_t height = l.direct ? axis[1].in_size : axis[1].span(rows);
  const bool whole = o1 <= p.cout;  // vectors of dy end inside the group
  Scratch<real> band(l.direct ? 0 : axis[0].taps * height * l.width * p.cin), padded_dy(whole ? 0 : pixels * (o1 - o0));
  Scratch<std::int64_t> segment(rows);
  for (std::int64_t r = 0; r < rows; ++r) segment[r] = r * axis[1].in_stride * l.width * l.pixel;

  const real* x = p.x + n * axis[0].in_size * axis[1].in_size * axis[2].in_size * channels + group * p.cin;
  const real* a = band.data();
  if (l.direct) {
    const std::int64_t plane = q * axis[0].in_stride + axis[0].offset, row = row0 * axis[1].in_stride + axis[1].offset;
    a = x + ((plane * height + row) * l.width + axis[2].offset) * channels;
  } else {
    copy_band({x, p.cin, channels, axis}, q, row0 * axis[1].in_stride + axis[1].offset, height, l.width, band.data());
  }
  const real* dy =
      w.dy + ((n * axis[0].count + q) * axis[1].count + row0) * axis[2].count * out_channels + group * p.cout;
  if (!whole) copy_dy(w, dy, pixels, o0, o1, padded_dy.data());
  add_band(w, a, height, segment.data(), rows, whole ? dy + o0 : padded_dy.data(), whole ? out_channels : o1 - o0, o0,
           o1, first, dw);
}

// dw[tap][c][group cout + o] = sum over pieces of copies[piece][group][tap][c][o].
void add_pieces(const Work& w, const real* copies, real* dw) {
  const ConvPass& p = w.pass;
  const std::int64_t rows = p.taps() * p.cin;
  parallel_for(p.groups * rows, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const real* from = copies + i * w.padded;
      real* to = dw + (i % rows * p.groups + i / rows) * p.cout;
      for (std::int64_t o = 0; o < p.cout; ++o) to[o] = from[o];
      for (std::int64_t piece = 1; piece < w.pieces; ++piece)
        for (std::int64_t o = 0; o < p.cout; ++o) to[o] += from[piece * w.copy + o];
    }
  });
}

void pixelwise_weights(const ConvPass& p, const real* x, const real* dy, real* dw) {
  Gemm g;
  g.m = p.cin, g.n = p.cout, g.k = p.n * p.axis[0].count * p.axis[1].count * p.axis[2].count;
  g.a = x, g.a_row = 1, g.a_col = p.cin;
  g.b = dy, g.b_row = p.cout;
  g.c = dw, g.c_row = p.cout;
  gemm(g);
}

}  // namespace

void conv_backward_weights(const real* x, const real* dy, real* dw, ConvGeometry g) {
  if (g.weight_numel() == 0) return;
  if (g.out_numel() == 0) {
    std::memset(dw, 0, static_cast<std::size_t>(g.weight_numel()) * sizeof(real));
    return;
  }
  const Work w = plan(g, x, dy);
  if (is_pixelwise(w.pass)) return pixelwise_weights(w.pass, x, dy, dw);
  if (winograd_weights_fit(w.pass)) return winograd_weights(w.pass, x, dy, dw);
  Scratch<real> copies(w.pieces * w.copy);
  const std::int64_t per_group = w.copy / g.groups;
  parallel_for(w.pieces * w.splits * g.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t group = item % g.groups, split = item / g.groups % w.splits,
                         piece = item / g.groups / w.splits;
      const std::int64_t o0 = split * w.split_width, o1 = min64(o0 + w.split_width, w.padded);
      const std::int64_t unit0 = piece * w.unit_grain, unit1 = min64(unit0 + w.unit_grain, w.units);
      for (std::int64_t unit = unit0; unit < unit1; ++unit)
        run_unit(w, unit, group, o0, o1, unit == unit0, copies.data() + piece * w.copy + group * per_group);
    }
  });
  add_pieces(w, copies.data(), dw);
}

}  // namespace medusa::MEDUSA_CPU

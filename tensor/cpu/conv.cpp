// Convolution forward and with respect to its input: one pass serves both, any stride, padding, dilation and groups.
//
// An output row is cut into register tiles (tile.h) of up to 6 pixels x 2 vectors of channels (AVX2).  A tile's rows of
// "A" are the pixels under one tap row of the kernel: with channels last, the kW x Cin numbers that one output pixel
// needs of one image row lie side by side, and those of the next pixel start Cin further on.  Nothing is unfolded:
//
//      image rows h-1, h, h+1 of the padded band            packed weights [Cout/16][tap][Cin][16]
//      +--+--+--+--+--+--+--+--+--+--+                      +----------------+
//      |  |##|##|##|  |  |  |  |  |  |  segment 0           | kH = 0         |  kW x Cin rows
//      +--+--+--+--+--+--+--+--+--+--+                      +----------------+
//      |  |##|##|##|  |  |  |  |  |  |  segment 1           | kH = 1         |
//      +--+--+--+--+--+--+--+--+--+--+                      +----------------+
//      |  |##|##|##|  |  |  |  |  |  |  segment 2           | kH = 2         |
//      +--+--+--+--+--+--+--+--+--+--+                      +----------------+
//        ^q ^q+1 ^q+2 ...: the tile's rows                    x all segments, added up in registers, stored once
//
// The image is first copied, a band of rows at a time, into a buffer with the padding's zeros that stays in L2;
// where no padding is needed the tiles read the image itself.  Depth is a third axis of segments: 2D is depth 1.
//
// Backward-data is made of the same passes (tensor/conv_pass.h): for stride 1 one with flipped, transposed weights, for
// stride s one per phase, which writes every s-th pixel.  A transposed convolution k2 s2 is four 1x1 products.
#include "tensor/cpu/conv.h"

#include "tensor/cpu/gemm.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/cpu/winograd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kBandBytes = 192 * 1024;

// One row of weights: the products of input channel c under one tap with all of the group's output channels.
void pack_row(const ConvPass& p, std::int64_t group, std::int64_t tap, std::int64_t c, real* packed) {
  const std::int64_t padded = padded_columns(p.cout), rows = p.taps() * p.cin;
  const std::int64_t t[3] = {tap / (p.axis[1].taps * p.axis[2].taps), tap / p.axis[2].taps % p.axis[1].taps,
                             tap % p.axis[2].taps};
  std::int64_t k = 0;  // the weight's own tap
  for (int a = 0; a < 3; ++a) k = k * p.kernel[a] + p.axis[a].tap + t[a] * p.axis[a].tap_step;
  // w is [tap][cin / groups][cout] of the forward pass; `transposed` reads it along its middle axis.
  const real* w = p.transposed ? p.w + k * p.cout * p.cin * p.groups + group * p.cin + c
                               : p.w + (k * p.cin + c) * p.cout * p.groups + group * p.cout;
  const std::int64_t step = p.transposed ? p.cin * p.groups : 1;
  for (std::int64_t o = 0; o < padded;) {
    const std::int64_t width = block_vectors(padded, o) * kLanes, valid = min64(width, p.cout - o);
    real* to = packed + o * rows + (tap * p.cin + c) * width;
    for (std::int64_t j = 0; j < valid; ++j) to[j] = w[(o + j) * step];
    for (std::int64_t j = valid; j < width; ++j) to[j] = 0;
    o += width;
  }
}

// Weights as [group][block of output channels][tap][cin][block width], biases as [group][padded], both with zeros
// beyond cout.
void pack_weights(const ConvPass& p, real* packed, real* bias) {
  const std::int64_t padded = padded_columns(p.cout), rows = p.taps() * p.cin;
  parallel_for(p.groups * rows, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      pack_row(p, i / rows, i % rows / p.cin, i % p.cin, packed + i / rows * rows * padded);
  });
  for (std::int64_t group = 0; group < p.groups; ++group)
    for (std::int64_t o = 0; o < padded; ++o)
      bias[group * padded + o] = p.bias && o < p.cout ? p.bias[group * p.cout + o] : 0;
}

// Where the segments lie; `height` is the number of rows of a plane of image or band.
void fill_segments(const ConvPass& p, const ConvLayout& l, std::int64_t height, std::int64_t* segment) {
  const ConvAxis* axis = p.axis;
  const std::int64_t across = l.joined ? 1 : axis[2].taps;
  const std::int64_t depth_step = l.direct ? axis[0].offset_step : 1;  // a band holds just the planes of the taps
  for (std::int64_t d = 0; d < axis[0].taps; ++d)
    for (std::int64_t h = 0; h < axis[1].taps; ++h)
      for (std::int64_t w = 0; w < across; ++w)
        *segment++ =
            ((d * depth_step * height + h * axis[1].offset_step) * l.width + w * axis[2].offset_step) * l.pixel;
}

// The output rows row0 .. row0 + rows of plane q of image n, one group.
void run_rows(const ConvPass& p, const ConvLayout& l, const real* packed, const real* bias, std::int64_t n,
              std::int64_t group, std::int64_t q, std::int64_t row0, std::int64_t rows) {
  const ConvAxis *axis = p.axis, &across = axis[2];
  const std::int64_t channels = p.cin * p.groups, padded = padded_columns(p.cout);
  const std::int64_t height = l.direct ? axis[1].in_size : axis[1].span(rows);
  Scratch<real> band(l.direct ? 0 : axis[0].taps * height * l.width * p.cin);
  const std::int64_t steps = l.joined ? across.taps * p.cin : p.cin, segments = p.taps() * p.cin / max64(steps, 1);
  Scratch<std::int64_t> segment(axis[0].taps * axis[1].taps * across.taps);
  fill_segments(p, l, height, segment.data());
  const real* x = p.x + n * axis[0].in_size * axis[1].in_size * across.in_size * channels + group * p.cin;
  const real* a = band.data();
  if (l.direct) {
    const std::int64_t plane = q * axis[0].in_stride + axis[0].offset, row = row0 * axis[1].in_stride + axis[1].offset;
    a = x + ((plane * height + row) * l.width + across.offset) * channels;
  } else {
    copy_band({x, p.cin, channels, axis}, q, row0 * axis[1].in_stride + axis[1].offset, height, l.width, band.data());
  }

  const std::int64_t out_channels = p.cout * p.groups, out_plane = axis[0].out_start + q * axis[0].out_stride;
  for (std::int64_t o = 0; o < padded;) {
    const int vectors = block_vectors(padded, o), most = even_rows(across.count, vectors);
    const std::int64_t width = vectors * kLanes, a_row = across.in_stride * l.pixel;
    TileSum t{nullptr,
              segment.data(),
              segments,
              steps,
              a_row,
              1,
              packed + o * p.taps() * p.cin,
              steps * width,
              width,
              bias + o,
              0,
              nullptr,
              across.out_stride * out_channels};
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t out_row = axis[1].out_start + (row0 + r) * axis[1].out_stride;
      real* y =
          p.y +
          (((n * axis[0].out_size + out_plane) * axis[1].out_size + out_row) * across.out_size + across.out_start) *
              out_channels +
          group * p.cout + o;
      for (std::int64_t i = 0; i < across.count; i += most) {
        const int tile_rows = static_cast<int>(min64(most, across.count - i));
        t.a = a + r * axis[1].in_stride * l.width * l.pixel + i * a_row;
        t.c = y + i * t.c_row;
        run_tile(find_tile(tile_rows, vectors, a_row), t, tile_rows, vectors, p.cout - o);
      }
    }
    o += width;
  }
}

void run_pixelwise(const ConvPass& p) {
  Gemm g;
  g.m = p.n * p.axis[0].count * p.axis[1].count * p.axis[2].count, g.n = p.cout, g.k = p.cin;
  g.a = p.x, g.a_row = p.cin;
  g.b = p.w, g.b_row = p.transposed ? 1 : p.cout, g.b_col = p.transposed ? p.cin : 1;
  g.c = p.y, g.c_row = p.cout, g.bias = p.bias;
  gemm(g);
}

}  // namespace

bool is_pixelwise(const ConvPass& p) {
  bool same = p.groups == 1;
  for (const ConvAxis& a : p.axis)
    same = same && a.taps == 1 && a.tap == 0 && a.offset == 0 && a.in_stride == 1 && a.out_stride == 1 &&
           a.out_start == 0 && a.count == a.in_size && a.count == a.out_size;
  return same && p.taps() == p.kernel[0] * p.kernel[1] * p.kernel[2];
}

ConvLayout make_layout(const ConvPass& p) {
  const ConvAxis* axis = p.axis;
  ConvLayout l;
  l.direct = axis[0].inside() && axis[1].inside() && axis[2].inside();
  l.width = l.direct ? axis[2].in_size : axis[2].span(axis[2].count);
  l.pixel = l.direct ? p.cin * p.groups : p.cin;
  l.joined = axis[2].offset_step == 1 && l.pixel == p.cin;
  // As many rows per band as stay in the L2 cache.
  const std::int64_t row_bytes = axis[0].taps * l.width * p.cin * static_cast<std::int64_t>(sizeof(real));
  l.rows = max64(axis[1].count, 1);
  while (l.rows > 1 && axis[1].span(l.rows) * row_bytes > kBandBytes) l.rows = (l.rows + 1) / 2;
  return l;
}

void copy_band(const ConvBand& from, std::int64_t q, std::int64_t first_row, std::int64_t rows, std::int64_t width,
               real* band) {
  const ConvAxis *axis = from.axis, &across = axis[2];
  // The input places lo..hi of a row are inside; `left` zeros come before them.
  const std::int64_t lo = min64(max64(across.first(), 0), across.in_size);
  const std::int64_t hi = max64(min64(across.first() + width, across.in_size), lo);
  const std::int64_t left = min64(max64(lo - across.first(), 0), width), c = from.channels;
  const std::size_t size = sizeof(real);
  for (std::int64_t tap = 0; tap < axis[0].taps; ++tap) {
    const std::int64_t plane = q * axis[0].in_stride + axis[0].offset + tap * axis[0].offset_step;
    for (std::int64_t row = first_row; row < first_row + rows; ++row, band += width * c) {
      if (plane < 0 || plane >= axis[0].in_size || row < 0 || row >= axis[1].in_size) {
        std::memset(band, 0, static_cast<std::size_t>(width * c) * size);
        continue;
      }
      const real* x = from.x + ((plane * axis[1].in_size + row) * across.in_size + lo) * from.channel_stride;
      std::memset(band, 0, static_cast<std::size_t>(left * c) * size);
      real* to = band + left * c;
      if (c == from.channel_stride)
        std::memcpy(to, x, static_cast<std::size_t>((hi - lo) * c) * size);
      else
        for (std::int64_t i = 0; i < hi - lo; ++i)
          for (std::int64_t j = 0; j < c; ++j) to[i * c + j] = x[i * from.channel_stride + j];
      std::memset(to + (hi - lo) * c, 0, static_cast<std::size_t>((width - left - (hi - lo)) * c) * size);
    }
  }
}

void run_pass(const ConvPass& p) {
  if (p.n * p.groups * p.cout * p.axis[0].count * p.axis[1].count * p.axis[2].count == 0) return;
  if (is_pixelwise(p)) return run_pixelwise(p);
  if (winograd_fits(p)) return winograd_pass(p);
  const std::int64_t padded = padded_columns(p.cout), weights = p.taps() * p.cin * padded;
  Scratch<real> packed(p.groups * weights), bias(p.groups * padded);
  pack_weights(p, packed.data(), bias.data());
  const ConvLayout l = make_layout(p);
  const std::int64_t bands = (p.axis[1].count + l.rows - 1) / l.rows, planes = p.axis[0].count;
  parallel_for(p.n * p.groups * planes * bands, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t row0 = item % bands * l.rows, q = item / bands % planes;
      const std::int64_t group = item / bands / planes % p.groups, n = item / bands / planes / p.groups;
      run_rows(p, l, packed.data() + group * weights, bias.data() + group * padded, n, group, q, row0,
               min64(l.rows, p.axis[1].count - row0));
    }
  });
}

void conv(const real* x, const real* w, const real* bias, real* y, ConvGeometry g) {
  ConvPass p = forward_pass(g);
  p.x = x, p.w = w, p.bias = bias, p.y = y, p.packed = g.packed;
  run_pass(p);
}

void conv_backward_data(const real* dy, const real* w, const real* bias, real* dx, ConvGeometry g) {
  for_backward_passes(g, [=](ConvPass p) {
    p.x = dy, p.w = w, p.bias = bias, p.y = dx;
    run_pass(p);
  });
}

}  // namespace medusa::MEDUSA_CPU

// The transforms around Winograd's products, and the cut of their tiles into chunks: see winograd_tiles.h.
#include "tensor/cpu/winograd_tiles.h"

#include "tensor/cpu/tile.h"
#include "tensor/cpu/winograd_axis.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

// Rows of a multiple of eight lines would share few sets of the cache.
std::int64_t skewed(std::int64_t channels) { return channels % (8 * kSkew) == 0 ? channels + kSkew : channels; }

// A transform T along one axis done along both, down the columns and then along the rows: to = T from T^T.
template <int kIn, int kOut, void (*kTransform)(const Vec*, Vec*)>
inline void both_ways(const Vec (&from)[kIn][kIn], Vec (&to)[kOut][kOut]) {
  Vec half[kOut][kIn];
  MEDUSA_UNROLL
  for (int j = 0; j < kIn; ++j) {
    Vec column[kIn], out[kOut];
    MEDUSA_UNROLL
    for (int i = 0; i < kIn; ++i) column[i] = from[i][j];
    kTransform(column, out);
    MEDUSA_UNROLL
    for (int i = 0; i < kOut; ++i) half[i][j] = out[i];
  }
  MEDUSA_UNROLL
  for (int i = 0; i < kOut; ++i) kTransform(half[i], to[i]);
}

// D = B^T d B for `rows` rows of tiles; `band` has rows of cut.width() pixels.
template <int kSide>
void transform_input(const real* band, const WinogradCut& s, std::int64_t rows, std::int64_t channels, real* to) {
  constexpr int kIn = kSide + 2;
  const std::int64_t row = s.width() * channels;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t q = 0; q < s.tiles_across; ++q, to += s.row_in)
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        const real* from = band + kSide * (r * row + q * channels) + c;
        Vec d[kIn][kIn], out[kIn][kIn];
        MEDUSA_UNROLL
        for (int i = 0; i < kIn; ++i) MEDUSA_UNROLL
        for (int j = 0; j < kIn; ++j) d[i][j] = load(from + i * row + j * channels);
        both_ways<kIn, kIn, WinogradAxis<kSide>::input>(d, out);
        real* place = to + c;
        MEDUSA_UNROLL
        for (int i = 0; i < kIn; ++i) MEDUSA_UNROLL
        for (int j = 0; j < kIn; ++j, place += s.place_in) store(place, out[i][j]);
      }
}

// Where the pixels of a row of tiles of one layer lie in y or dy.
struct OutputRow {
  std::int64_t first, width, channels;  // first: its upper left pixel's number
  std::int64_t inside;                  // rows of pixels that are inside
};
OutputRow output_row(const ConvPass& p, const WinogradCut& cut, const WinogradChunk& k, std::int64_t layer,
                     std::int64_t row) {
  const std::int64_t height = p.axis[1].count, width = p.axis[2].count, down = cut.side * (k.row + row);
  const std::int64_t plane = k.stack * cut.layers + k.layer + layer;
  return {(plane * height + down) * width * p.cout, width, p.cout, min64(cut.side, height - down)};
}

// One kLanes x kLanes block of all nine taps of a kernel whose rows are the pass's output channels, transposed.
void transpose_block(const ConvPass& p, std::int64_t kd, std::int64_t c, std::int64_t o, real* to) {
  for (std::int64_t tap = 0; tap < 9; ++tap, to += kLanes * kLanes)
    for (std::int64_t i = 0; i < kLanes; ++i) {
      const real* w = p.w + ((kd * 9 + tap) * p.cout + o + i) * p.cin + c;
      for (std::int64_t j = 0; j < kLanes; ++j) to[j * kLanes + i] = w[j];
    }
}

// U = G g G^T for one row of a block; tap (kh, kw) lies at w + (3 kh + kw) tap.
template <int kSide>
void transform_kernel(const ConvPass& p, const real* w, std::int64_t tap, std::int64_t place, real* u) {
  Vec g[3][3], out[kSide + 2][kSide + 2];
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      g[i][j] = load(w + (3 * (p.axis[1].tap + i * p.axis[1].tap_step) + p.axis[2].tap + j * p.axis[2].tap_step) * tap);
  both_ways<3, kSide + 2, WinogradAxis<kSide>::kernel>(g, out);
  MEDUSA_UNROLL
  for (int i = 0; i < kSide + 2; ++i) MEDUSA_UNROLL
  for (int j = 0; j < kSide + 2; ++j, u += place) store(u, out[i][j]);
}

// y = A^T M A + bias for a row of tiles.
template <int kSide>
void transform_output(const WinogradCut& s, const OutputRow& at, const real* from, const real* bias, real* y) {
  constexpr int kIn = kSide + 2;
  const std::int64_t channels = at.channels, next = at.width * channels;
  for (std::int64_t q = 0; q < s.tiles_across; ++q, from += s.row_out, y += kSide * channels) {
    const std::int64_t across = min64(kSide, at.width - kSide * q);
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      Vec m[kIn][kIn], out[kSide][kSide];
      const real* place = from + c;
      MEDUSA_UNROLL
      for (int i = 0; i < kIn; ++i) MEDUSA_UNROLL
      for (int j = 0; j < kIn; ++j, place += s.place_out) m[i][j] = load(place);
      both_ways<kIn, kSide, WinogradAxis<kSide>::output>(m, out);
      const Vec add = load(bias + c);
      MEDUSA_UNROLL
      for (int i = 0; i < kSide; ++i) {
        if (i >= at.inside) break;
        MEDUSA_UNROLL
        for (int j = 0; j < kSide; ++j)
          if (j < across) store(y + i * next + j * channels + c, out[i][j] + add);
      }
    }
  }
}

// A dy A^T for a row of tiles that begins at tile number `tile` of the chunk's `tiles`.
template <int kSide>
void transform_gradient(const WinogradCut& s, const OutputRow& at, const real* dy, std::int64_t tile,
                        std::int64_t tiles, real* to) {
  constexpr int kOut = kSide + 2;
  const std::int64_t channels = at.channels, next = at.width * channels;
  for (std::int64_t q = 0; q < s.tiles_across; ++q, ++tile, dy += kSide * channels) {
    const std::int64_t across = min64(kSide, at.width - kSide * q);
    for (std::int64_t c = 0; c < channels; c += kLanes) {
      const std::int64_t block = c / (2 * kLanes) * 2 * kLanes, width = block_vectors(channels, block) * kLanes;
      Vec y[kSide][kSide], out[kOut][kOut];
      MEDUSA_UNROLL
      for (int i = 0; i < kSide; ++i) MEDUSA_UNROLL
      for (int j = 0; j < kSide; ++j)
        y[i][j] = i < at.inside && j < across ? load(dy + i * next + j * channels + c) : Vec{};
      both_ways<kSide, kOut, WinogradAxis<kSide>::gradient>(y, out);
      real* place = to + block * tiles + tile * width + c - block;
      MEDUSA_UNROLL
      for (int i = 0; i < kOut; ++i) MEDUSA_UNROLL
      for (int j = 0; j < kOut; ++j, place += s.place_out) store(place, out[i][j]);
    }
  }
}

template <int kSide>
void transform_kernels(const ConvPass& p, real* to) {
  const std::int64_t depth = p.axis[0].taps, place = winograd_place(p), blocks = p.cin / kLanes;
  parallel_for(depth * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    Scratch<real> turned(9 * kLanes * kLanes);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t d = item / blocks, c0 = item % blocks * kLanes, kd = p.axis[0].tap + d * p.axis[0].tap_step;
      for (std::int64_t o = 0; o < p.cout; o += kLanes) {
        const std::int64_t block = o / (2 * kLanes) * 2 * kLanes, width = block_vectors(p.cout, block) * kLanes;
        real* u = to + block * depth * p.cin + (d * p.cin + c0) * width + (o - block);
        if (p.transposed) transpose_block(p, kd, c0, o, turned.data());
        for (std::int64_t c = 0; c < kLanes; ++c, u += width) {
          const real* w = p.transposed ? turned.data() + c * kLanes : p.w + (kd * 9 * p.cin + c0 + c) * p.cout + o;
          transform_kernel<kSide>(p, w, p.transposed ? kLanes * kLanes : p.cin * p.cout, place, u);
        }
      }
    }
  });
}

}  // namespace

std::int64_t winograd_count(const ConvPass& p, int side) {
  return p.n * p.axis[0].count * ((p.axis[1].count + side - 1) / side) * ((p.axis[2].count + side - 1) / side);
}

// Large tiles need fewer products, but waste more where they do not divide the image, and cost more for U.
int winograd_side(const ConvPass& p) {
  constexpr std::int64_t kEnough = 16;
  const std::int64_t large = winograd_count(p, 4), small = winograd_count(p, 2);
  return large >= kEnough && 36 * large * 5 <= 16 * small * 4 ? 4 : 2;
}

WinogradCut winograd_cut(const ConvPass& p, int side, std::int64_t bytes) {
  const ConvAxis& depth = p.axis[0];
  WinogradCut s;
  s.side = side;
  s.taps = depth.taps;
  s.images = depth.taps == 1 && depth.count == 1 && depth.in_size == 1 && depth.offset == 0;
  s.stacks = s.images ? 1 : p.n, s.layers = s.images ? p.n : depth.count;
  s.tiles_down = (p.axis[1].count + side - 1) / side, s.tiles_across = (p.axis[2].count + side - 1) / side;
  s.row_in = skewed(p.cin), s.row_out = skewed(p.cout);
  // Layers share planes only where they are neighbours.
  const bool shares = s.images || (depth.in_stride == 1 && depth.offset_step == 1);
  const auto fits = [&](std::int64_t layers, std::int64_t rows) {
    return s.places() * rows * s.tiles_across * ((layers + s.taps - 1) * s.row_in + layers * s.row_out) *
               static_cast<std::int64_t>(sizeof(real)) <=
           bytes;
  };
  // First, where planes are shared, some layers; then rows; then layers.
  const std::int64_t most = shares ? s.layers : 1;
  while (s.taps > 1 && s.chunk_layers < min64(most, 8) && fits(s.chunk_layers + 1, 1)) ++s.chunk_layers;
  while (s.chunk_rows < s.tiles_down && fits(s.chunk_layers, s.chunk_rows + 1)) ++s.chunk_rows;
  s.chunk_rows = (s.tiles_down + s.down() - 1) / s.down();  // nearly equal
  while (s.chunk_rows == s.tiles_down && s.chunk_layers < most && fits(s.chunk_layers + 1, s.chunk_rows))
    ++s.chunk_layers;
  s.chunk_layers = (s.layers + s.deep() - 1) / s.deep();
  const std::int64_t layer = s.chunk_rows * s.tiles_across;
  s.place_in = (s.chunk_layers + s.taps - 1) * layer * s.row_in + kSkew;
  s.place_out = s.chunk_layers * layer * s.row_out + kSkew;
  return s;
}

WinogradChunk winograd_chunk(const WinogradCut& s, std::int64_t index) {
  WinogradChunk k;
  k.row = index % s.down() * s.chunk_rows, k.rows = min64(s.chunk_rows, s.tiles_down - k.row);
  index /= s.down();
  k.layer = index % s.deep() * s.chunk_layers, k.layers = min64(s.chunk_layers, s.layers - k.layer);
  k.stack = index / s.deep(), k.across = s.tiles_across;
  return k;
}

void winograd_input(const ConvPass& p, const WinogradCut& s, const WinogradChunk& k, std::int64_t plane,
                    std::int64_t row, std::int64_t rows, real* to) {
  ConvAxis axis[3] = {p.axis[0], p.axis[1], p.axis[2]};
  const std::int64_t volume = axis[0].in_size * axis[1].in_size * axis[2].in_size * p.cin;
  const real* x = p.x + (s.images ? k.layer + plane : k.stack) * volume;
  axis[0].offset += s.images ? 0 : plane * axis[0].offset_step;
  axis[0].taps = 1;
  const std::int64_t band_rows = s.side * rows + 2;
  Scratch<real> band(band_rows * s.width() * p.cin);
  copy_band({x, p.cin, p.cin, axis}, s.images ? 0 : k.layer, s.side * (k.row + row) + axis[1].offset, band_rows,
            s.width(), band.data());
  to += (plane * k.rows + row) * k.across * s.row_in;
  s.side == 4 ? transform_input<4>(band.data(), s, rows, p.cin, to)
              : transform_input<2>(band.data(), s, rows, p.cin, to);
}

void winograd_output(const ConvPass& p, const WinogradCut& s, const WinogradChunk& k, std::int64_t layer,
                     std::int64_t row, std::int64_t rows, const real* from, const real* bias) {
  from += (layer * k.rows + row) * k.across * s.row_out;
  for (std::int64_t r = row; r < row + rows; ++r, from += k.across * s.row_out) {
    const OutputRow at = output_row(p, s, k, layer, r);
    s.side == 4 ? transform_output<4>(s, at, from, bias, p.y + at.first)
                : transform_output<2>(s, at, from, bias, p.y + at.first);
  }
}

void winograd_gradient(const ConvPass& p, const WinogradCut& s, const WinogradChunk& k, std::int64_t layer,
                       std::int64_t row, std::int64_t rows, const real* dy, real* to) {
  std::int64_t tile = (layer * k.rows + row) * k.across;
  for (std::int64_t r = row; r < row + rows; ++r, tile += k.across) {
    const OutputRow at = output_row(p, s, k, layer, r);
    s.side == 4 ? transform_gradient<4>(s, at, dy + at.first, tile, k.tiles(), to)
                : transform_gradient<2>(s, at, dy + at.first, tile, k.tiles(), to);
  }
}

void winograd_kernel(const ConvPass& p, int side, real* to) {
  side == 4 ? transform_kernels<4>(p, to) : transform_kernels<2>(p, to);
}

}  // namespace medusa::MEDUSA_CPU

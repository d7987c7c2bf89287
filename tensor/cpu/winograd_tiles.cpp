// The transforms around Winograd's products, and the cut of their tiles into chunks: see winograd_tiles.h.
#include "tensor/cpu/winograd_tiles.h"

#include "tensor/cpu/tile.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

// Rows of a multiple of eight lines would share few sets of the cache.
std::int64_t skewed(std::int64_t channels) { return channels % (8 * kSkew) == 0 ? channels + kSkew : channels; }

// D = B^T d B for `rows` rows of tiles; `band` has rows of cut.width() pixels.
void transform_input(const real* band, const WinogradCut& s, std::int64_t rows, std::int64_t channels, real* to) {
  const std::int64_t row = s.width() * channels;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t q = 0; q < s.tiles_across; ++q, to += s.row_in)
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        const real* d = band + 2 * r * row + 2 * q * channels + c;
        Vec b[4][4];
        MEDUSA_UNROLL
        for (int j = 0; j < 4; ++j, d += channels) {
          const Vec d0 = load(d), d1 = load(d + row), d2 = load(d + 2 * row), d3 = load(d + 3 * row);
          b[0][j] = d0 - d2, b[1][j] = d1 + d2, b[2][j] = d2 - d1, b[3][j] = d1 - d3;
        }
        MEDUSA_UNROLL
        for (int i = 0; i < 4; ++i) {
          real* place = to + c + 4 * i * s.place_in;
          store(place, b[i][0] - b[i][2]);
          store(place + s.place_in, b[i][1] + b[i][2]);
          store(place + 2 * s.place_in, b[i][2] - b[i][1]);
          store(place + 3 * s.place_in, b[i][1] - b[i][3]);
        }
      }
}

// Where the pixels of a row of tiles of one layer lie in y or dy.
struct OutputRow {
  std::int64_t first, width, channels;  // first: its upper left pixel's number
  bool below;                           // whether the tiles' second row is inside
};
OutputRow output_row(const ConvPass& p, const WinogradCut& cut, const WinogradChunk& k, std::int64_t layer,
                     std::int64_t row) {
  const std::int64_t height = p.axis[1].count, width = p.axis[2].count, down = 2 * (k.row + row);
  const std::int64_t plane = k.stack * cut.layers + k.layer + layer;
  return {(plane * height + down) * width * p.cout, width, p.cout, down + 1 < height};
}

// One kLanes x kLanes block of all nine taps of a kernel whose rows are the pass's output channels, turned round.
void transpose_block(const ConvPass& p, std::int64_t kd, std::int64_t c, std::int64_t o, real* to) {
  for (std::int64_t tap = 0; tap < 9; ++tap, to += kLanes * kLanes)
    for (std::int64_t i = 0; i < kLanes; ++i) {
      const real* w = p.w + ((kd * 9 + tap) * p.cout + o + i) * p.cin + c;
      for (std::int64_t j = 0; j < kLanes; ++j) to[j * kLanes + i] = w[j];
    }
}

// U = G g G^T for one row of a block; tap (kh, kw) lies at w + (3 kh + kw) tap.
void transform_kernel(const ConvPass& p, const real* w, std::int64_t tap, std::int64_t place, real* u) {
  Vec g[3][3], t[4][3];
  for (int j = 0; j < 9; ++j)
    g[j / 3][j % 3] =
        load(w + (3 * (p.axis[1].tap + j / 3 * p.axis[1].tap_step) + p.axis[2].tap + j % 3 * p.axis[2].tap_step) * tap);
  for (int j = 0; j < 3; ++j) {
    t[0][j] = g[0][j], t[3][j] = g[2][j];
    t[1][j] = (g[0][j] + g[1][j] + g[2][j]) * real(0.5), t[2][j] = (g[0][j] - g[1][j] + g[2][j]) * real(0.5);
  }
  for (int k = 0; k < 4; ++k, u += 4 * place) {
    store(u, t[k][0]);
    store(u + place, (t[k][0] + t[k][1] + t[k][2]) * real(0.5));
    store(u + 2 * place, (t[k][0] - t[k][1] + t[k][2]) * real(0.5));
    store(u + 3 * place, t[k][2]);
  }
}

}  // namespace

WinogradCut winograd_cut(const ConvPass& p, std::int64_t bytes) {
  const ConvAxis& depth = p.axis[0];
  WinogradCut s;
  s.taps = depth.taps;
  s.images = depth.taps == 1 && depth.count == 1 && depth.in_size == 1 && depth.offset == 0;
  s.stacks = s.images ? 1 : p.n, s.layers = s.images ? p.n : depth.count;
  s.tiles_down = (p.axis[1].count + 1) / 2, s.tiles_across = (p.axis[2].count + 1) / 2;
  s.row_in = skewed(p.cin), s.row_out = skewed(p.cout);
  // Layers share planes only where they are neighbours.
  const bool shares = s.images || (depth.in_stride == 1 && depth.offset_step == 1);
  const auto fits = [&](std::int64_t layers, std::int64_t rows) {
    return 16 * rows * s.tiles_across * ((layers + s.taps - 1) * s.row_in + layers * s.row_out) *
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
  const std::int64_t band_rows = 2 * rows + 2;
  Scratch<real> band(band_rows * s.width() * p.cin);
  copy_band({x, p.cin, p.cin, axis}, s.images ? 0 : k.layer, 2 * (k.row + row) + axis[1].offset, band_rows, s.width(),
            band.data());
  transform_input(band.data(), s, rows, p.cin, to + (plane * k.rows + row) * k.across * s.row_in);
}

void winograd_output(const ConvPass& p, const WinogradCut& s, const WinogradChunk& k, std::int64_t layer,
                     std::int64_t row, std::int64_t rows, const real* from, const real* bias) {
  from += (layer * k.rows + row) * k.across * s.row_out;
  for (std::int64_t r = row; r < row + rows; ++r) {
    const OutputRow at = output_row(p, s, k, layer, r);
    const std::int64_t channels = at.channels, next = at.width * channels;
    real* y = p.y + at.first;
    for (std::int64_t q = 0; q < k.across; ++q, from += s.row_out, y += 2 * channels) {
      const bool right = 2 * q + 1 < at.width;
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        Vec b[2][4];
        MEDUSA_UNROLL
        for (int j = 0; j < 4; ++j) {
          const real* m = from + c + j * s.place_out;
          const Vec m0 = load(m), m1 = load(m + 4 * s.place_out), m2 = load(m + 8 * s.place_out),
                    m3 = load(m + 12 * s.place_out);
          b[0][j] = m0 + m1 + m2, b[1][j] = m1 - m2 - m3;
        }
        const Vec add = load(bias + c);
        store(y + c, b[0][0] + b[0][1] + b[0][2] + add);
        if (right) store(y + channels + c, b[0][1] - b[0][2] - b[0][3] + add);
        if (!at.below) continue;
        store(y + next + c, b[1][0] + b[1][1] + b[1][2] + add);
        if (right) store(y + next + channels + c, b[1][1] - b[1][2] - b[1][3] + add);
      }
    }
  }
}

void winograd_gradient(const ConvPass& p, const WinogradCut& s, const WinogradChunk& k, std::int64_t layer,
                       std::int64_t row, std::int64_t rows, const real* dy, real* to) {
  const std::int64_t tiles = k.tiles();
  std::int64_t tile = (layer * k.rows + row) * k.across;
  for (std::int64_t r = row; r < row + rows; ++r) {
    const OutputRow at = output_row(p, s, k, layer, r);
    const std::int64_t channels = at.channels, next = at.width * channels;
    const real* y = dy + at.first;
    for (std::int64_t q = 0; q < k.across; ++q, ++tile, y += 2 * channels) {
      const bool right = 2 * q + 1 < at.width;
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        const std::int64_t block = c / (2 * kLanes) * 2 * kLanes, width = block_vectors(channels, block) * kLanes;
        const Vec zero{}, y00 = load(y + c), y01 = right ? load(y + channels + c) : zero;
        const Vec y10 = at.below ? load(y + next + c) : zero;
        const Vec y11 = right && at.below ? load(y + next + channels + c) : zero;
        const Vec b[4][2] = {{y00, y01}, {y00 + y10, y01 + y11}, {y00 - y10, y01 - y11}, {-y10, -y11}};
        real* place = to + block * tiles + tile * width + c - block;
        MEDUSA_UNROLL
        for (int i = 0; i < 4; ++i, place += 4 * s.place_out) {
          store(place, b[i][0]);
          store(place + s.place_out, b[i][0] + b[i][1]);
          store(place + 2 * s.place_out, b[i][0] - b[i][1]);
          store(place + 3 * s.place_out, -b[i][1]);
        }
      }
    }
  }
}

void winograd_kernel(const ConvPass& p, real* to) {
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
          transform_kernel(p, w, p.transposed ? kLanes * kLanes : p.cin * p.cout, place, u);
        }
      }
    }
  });
}

}  // namespace medusa::MEDUSA_CPU

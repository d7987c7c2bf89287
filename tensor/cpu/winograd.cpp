// Winograd's F(2x2, 3x3): four outputs of a 3x3, stride 1 convolution for 16 multiplications instead of 36.
// Lavin, Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
//
//   input tile d 4x4, every 2 pixels      D = B^T d B       adds only, 16 numbers per channel
//   kernel g 3x3                          U = G g G^T       once per call
//   for each of the 16 places:            M = D U           a matrix product [tiles, Cin] x [Cin, Cout] (tile.h)
//   output tile 2x2                       y = A^T M A       adds only
//
//         | 1  0 -1  0 |        | 1    0    0  |         | 1  1  1  0 |
//   B^T = | 0  1  1  0 |    G = | 1/2  1/2  1/2|   A^T = | 0  1 -1 -1 |
//         | 0 -1  1  0 |        | 1/2 -1/2  1/2|
//         | 0  1  0 -1 |        | 0    0    1  |
//
// The weight gradient is the same backwards: dw = G^T [sum over tiles of D^T (A dy A^T)] G.  Odd sizes are filled up
// with zeros.  A kernel with depth sums its planes in the product.  The sums of up to 16 numbers and the differences
// that follow cost about a digit: errors stay below 1e-6 of the largest value in float, 1e-14 in double (direct: 3e-7).
#include "tensor/cpu/winograd.h"

#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kNoSegment[1] = {0};
constexpr std::int64_t kChunkBytes = 256 * 1024, kPieces = 16;
alignas(64) constexpr real kZeros[kMaxTileWidth] = {};
// Added to the distance between the 16 places, lest they fall on the same lines of the cache.
constexpr std::int64_t kSkew = 64 / static_cast<std::int64_t>(sizeof(real));

// How an image is cut: chunks of `rows` rows of 2x2 output tiles.
struct Chunks {
  std::int64_t tiles_down, tiles_across, rows, per_plane, width;
  std::int64_t place_in, place_out;  // numbers per place of the transformed input and output
};

Chunks cut(const ConvPass& p) {
  Chunks c;
  c.tiles_down = (p.axis[1].count + 1) / 2;
  c.tiles_across = (p.axis[2].count + 1) / 2;
  c.width = 2 * c.tiles_across + 2;
  const std::int64_t depth = p.axis[0].taps;
  const std::int64_t row_bytes =
      16 * c.tiles_across * (depth * p.cin + p.cout) * static_cast<std::int64_t>(sizeof(real));
  c.rows = min64(max64(kChunkBytes / row_bytes, 1), c.tiles_down);
  c.per_plane = (c.tiles_down + c.rows - 1) / c.rows;
  c.rows = (c.tiles_down + c.per_plane - 1) / c.per_plane;  // nearly equal
  c.per_plane = (c.tiles_down + c.rows - 1) / c.rows;
  c.place_in = depth * c.rows * c.tiles_across * p.cin + kSkew;
  c.place_out = c.rows * c.tiles_across * p.cout + kSkew;
  return c;
}

// D = B^T d B for `tiles_down` x tiles_across tiles of one plane of the band; d0 is a tile's upper left pixel.
void transform_input(const real* band, std::int64_t tiles_down, const Chunks& s, std::int64_t channels, real* to) {
  const std::int64_t row = s.width * channels;
  for (std::int64_t r = 0; r < tiles_down; ++r)
    for (std::int64_t q = 0; q < s.tiles_across; ++q, to += channels)
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

// y = A^T M A + bias for the tiles of output rows from row0 on; what lies beyond the image is dropped.
void transform_output(const ConvPass& p, const Chunks& s, const real* from, std::int64_t row0, std::int64_t tiles_down,
                      const real* bias, real* plane) {
  const std::int64_t height = p.axis[1].count, width = p.axis[2].count, channels = p.cout;
  for (std::int64_t r = 0; r < tiles_down; ++r)
    for (std::int64_t q = 0; q < s.tiles_across; ++q, from += channels) {
      const std::int64_t row = row0 + 2 * r;
      const bool right = 2 * q + 1 < width, below = row + 1 < height;
      real* y = plane + (row * width + 2 * q) * channels;
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
        if (!below) continue;
        store(y + width * channels + c, b[1][0] + b[1][1] + b[1][2] + add);
        if (right) store(y + (width + 1) * channels + c, b[1][1] - b[1][2] - b[1][3] + add);
      }
    }
}

// A dy A^T, the other way round, with zeros beyond the image.
void transform_gradient(const ConvPass& p, const Chunks& s, const real* plane, std::int64_t row0,
                        std::int64_t tiles_down, real* to) {
  const std::int64_t height = p.axis[1].count, width = p.axis[2].count, channels = p.cout;
  for (std::int64_t r = 0; r < tiles_down; ++r)
    for (std::int64_t q = 0; q < s.tiles_across; ++q, to += channels) {
      const std::int64_t row = row0 + 2 * r;
      const bool right = 2 * q + 1 < width, below = row + 1 < height;
      const real* y = plane + (row * width + 2 * q) * channels;
      for (std::int64_t c = 0; c < channels; c += kLanes) {
        const Vec zero{}, y00 = load(y + c), y01 = right ? load(y + channels + c) : zero;
        const Vec y10 = below ? load(y + width * channels + c) : zero;
        const Vec y11 = right && below ? load(y + (width + 1) * channels + c) : zero;
        const Vec b[4][2] = {{y00, y01}, {y00 + y10, y01 + y11}, {y00 - y10, y01 - y11}, {-y10, -y11}};
        MEDUSA_UNROLL
        for (int i = 0; i < 4; ++i) {
          real* place = to + c + 4 * i * s.place_out;
          store(place, b[i][0]);
          store(place + s.place_out, b[i][0] + b[i][1]);
          store(place + 2 * s.place_out, b[i][0] - b[i][1]);
          store(place + 3 * s.place_out, -b[i][1]);
        }
      }
    }
}

// U = G g G^T as [16][block of cout][depth tap][cin][block width].
void transform_weights(const ConvPass& p, real* to) {
  const std::int64_t depth = p.axis[0].taps, place = depth * p.cin * p.cout;
  const std::int64_t step = p.transposed ? p.cin : 1, along = p.transposed ? 1 : p.cout;  // in w, of o and of c
  parallel_for(depth * p.cin, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t d = i / p.cin, c = i % p.cin, kd = p.axis[0].tap + d * p.axis[0].tap_step;
      for (std::int64_t o = 0; o < p.cout; o += kLanes) {
        Vec g[3][3], t[4][3];
        for (int j = 0; j < 9; ++j) {
          const std::int64_t kh = p.axis[1].tap + j / 3 * p.axis[1].tap_step,
                             kw = p.axis[2].tap + j % 3 * p.axis[2].tap_step;
          const real* w = p.w + ((kd * 3 + kh) * 3 + kw) * p.cin * p.cout + c * along + o * step;
          Vec v{};
          for (int lane = 0; lane < kLanes; ++lane) v[lane] = w[lane * step];
          g[j / 3][j % 3] = v;
        }
        for (int j = 0; j < 3; ++j) {
          t[0][j] = g[0][j], t[3][j] = g[2][j];
          t[1][j] = (g[0][j] + g[1][j] + g[2][j]) * real(0.5), t[2][j] = (g[0][j] - g[1][j] + g[2][j]) * real(0.5);
        }
        const std::int64_t block = o / (2 * kLanes) * 2 * kLanes, width = block_vectors(p.cout, block) * kLanes;
        real* u = to + block * depth * p.cin + (d * p.cin + c) * width + (o - block);
        for (int k = 0; k < 4; ++k, u += 4 * place) {
          store(u, t[k][0]);
          store(u + place, (t[k][0] + t[k][1] + t[k][2]) * real(0.5));
          store(u + 2 * place, (t[k][0] - t[k][1] + t[k][2]) * real(0.5));
          store(u + 3 * place, t[k][2]);
        }
      }
    }
  });
}

// The transformed input of one chunk: [16][depth tap][tiles][cin].
void load_chunk(const ConvPass& p, const Chunks& s, std::int64_t n, std::int64_t q, std::int64_t tile_row,
                std::int64_t tiles_down, real* to) {
  const std::int64_t rows = 2 * tiles_down + 2, tiles = tiles_down * s.tiles_across;
  Scratch<real> band(p.axis[0].taps * rows * s.width * p.cin);
  const real* x = p.x + n * p.axis[0].in_size * p.axis[1].in_size * p.axis[2].in_size * p.cin;
  copy_band({x, p.cin, p.cin, p.axis}, q, 2 * tile_row + p.axis[1].offset, rows, s.width, band.data());
  for (std::int64_t d = 0; d < p.axis[0].taps; ++d)
    transform_input(band.data() + d * rows * s.width * p.cin, tiles_down, s, p.cin, to + d * tiles * p.cin);
}

// M = D U at all 16 places.
void multiply(const ConvPass& p, const Chunks& s, std::int64_t tiles, const real* input, const real* weights,
              real* output) {
  const std::int64_t depth = p.axis[0].taps;
  Scratch<std::int64_t> segment(depth);
  for (std::int64_t d = 0; d < depth; ++d) segment[d] = d * tiles * p.cin;
  for (std::int64_t k = 0; k < 16; ++k)
    for (std::int64_t o = 0; o < p.cout;) {
      const int vectors = block_vectors(p.cout, o), most = even_rows(tiles, vectors);
      const std::int64_t width = vectors * kLanes;
      TileSum t{
          nullptr,       segment.data(), depth,  p.cin, p.cin,   1,     weights + (k * p.cout + o) * depth * p.cin,
          p.cin * width, width,          kZeros, 0,     nullptr, p.cout};
      for (std::int64_t i = 0; i < tiles; i += most) {
        const int rows = static_cast<int>(min64(most, tiles - i));
        t.a = input + k * s.place_in + i * p.cin;
        t.c = output + k * s.place_out + i * p.cout + o;
        find_tile(rows, vectors, p.cin)(t);
      }
      o += width;
    }
}

// E[k][depth tap][c][o] (+)= sum over tiles of D[k][tile][c] Y[k][tile][o] at all 16 places.
void multiply_gradient(const ConvPass& p, const Chunks& s, std::int64_t tiles, const real* input, const real* gradient,
                       bool first, real* sums) {
  const std::int64_t depth = p.axis[0].taps;
  for (std::int64_t k = 0; k < 16 * depth; ++k, sums += p.cin * p.cout)
    for (std::int64_t o = 0; o < p.cout;) {
      const int vectors = block_vectors(p.cout, o), most = even_rows(p.cin, vectors);
      TileSum t{
          nullptr, kNoSegment,         1,       tiles, 1, p.cin, gradient + k / depth * s.place_out + o, 0, p.cout,
          nullptr, first ? 0 : p.cout, nullptr, p.cout};
      for (std::int64_t i = 0; i < p.cin; i += most) {
        const int rows = static_cast<int>(min64(most, p.cin - i));
        t.a = input + k / depth * s.place_in + k % depth * tiles * p.cin + i;
        t.c = sums + i * p.cout + o;
        t.start = first ? kZeros : t.c;
        find_tile(rows, vectors, 1)(t);
      }
      o += vectors * kLanes;
    }
}

// dw[depth tap][kh][kw][c][o] = G^T (sum of the pieces' E) G.
void finish_weights(const ConvPass& p, const real* sums, std::int64_t pieces, real* dw) {
  const std::int64_t depth = p.axis[0].taps, matrix = p.cin * p.cout, place = depth * matrix, copy = 16 * place;
  parallel_for(place / kLanes, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) {
      Vec t[3][4];
      for (int j = 0; j < 4; ++j) {
        Vec e[4];
        for (int k = 0; k < 4; ++k) {
          const real* from = sums + (4 * k + j) * place + i;
          e[k] = load(from);
          for (std::int64_t piece = 1; piece < pieces; ++piece) e[k] += load(from + piece * copy);
        }
        t[0][j] = e[0] + (e[1] + e[2]) * real(0.5), t[1][j] = (e[1] - e[2]) * real(0.5);
        t[2][j] = (e[1] + e[2]) * real(0.5) + e[3];
      }
      real* to = dw + i / matrix * 9 * matrix + i % matrix;
      for (int k = 0; k < 3; ++k, to += 3 * matrix) {
        store(to, t[k][0] + (t[k][1] + t[k][2]) * real(0.5));
        store(to + matrix, (t[k][1] - t[k][2]) * real(0.5));
        store(to + 2 * matrix, (t[k][1] + t[k][2]) * real(0.5) + t[k][3]);
      }
    }
  });
}

bool is_3x3(const ConvPass& p) {
  bool same =
      p.groups == 1 && p.axis[0].taps > 0 && p.axis[0].out_stride == 1 && p.cin % kLanes == 0 && p.cout % kLanes == 0;
  for (int a = 1; a < 3; ++a)
    same = same && p.kernel[a] == 3 && p.axis[a].taps == 3 && p.axis[a].offset_step == 1 && p.axis[a].in_stride == 1 &&
           p.axis[a].out_stride == 1 && p.axis[a].count >= 4;
  return same;
}

}  // namespace

bool winograd_fits(const ConvPass& p) { return is_3x3(p) && p.cin >= 16 && p.cout >= 16; }

// The sums of 16 places must stay in the L2 cache: measured on Zen 1, 64 x 64 channels win, 128 x 128 lose.
bool winograd_weights_fit(const ConvPass& p) {
  return is_3x3(p) && p.cin >= 16 && p.cout >= 16 && p.axis[0].taps * p.cin * p.cout <= 64 * 64;
}

void winograd_pass(const ConvPass& p) {
  const Chunks s = cut(p);
  Scratch<real> weights(16 * p.axis[0].taps * p.cin * p.cout), bias(p.cout);
  transform_weights(p, weights.data());
  for (std::int64_t o = 0; o < p.cout; ++o) bias[o] = p.bias ? p.bias[o] : 0;
  const std::int64_t planes = p.axis[0].count, plane = p.axis[1].count * p.axis[2].count * p.cout;
  parallel_for(p.n * planes * s.per_plane, 1, [&](std::int64_t begin, std::int64_t end) {
    Scratch<real> input(16 * s.place_in), output(16 * s.place_out);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t image = item / s.per_plane, tile_row = item % s.per_plane * s.rows;
      const std::int64_t tiles_down = min64(s.rows, s.tiles_down - tile_row);
      load_chunk(p, s, image / planes, image % planes, tile_row, tiles_down, input.data());
      multiply(p, s, tiles_down * s.tiles_across, input.data(), weights.data(), output.data());
      transform_output(p, s, output.data(), 2 * tile_row, tiles_down, bias.data(), p.y + image * plane);
    }
  });
}

void winograd_weights(const ConvPass& pass, const real* x, const real* dy, real* dw) {
  ConvPass p = pass;
  p.x = x;
  const Chunks s = cut(p);
  const std::int64_t copy = 16 * p.axis[0].taps * p.cin * p.cout, planes = p.axis[0].count;
  const std::int64_t plane = p.axis[1].count * p.axis[2].count * p.cout, chunks = p.n * planes * s.per_plane;
  const std::int64_t most = max64(min64(kPieces, (std::int64_t{1} << 23) / copy), 1),
                     grain = (chunks + most - 1) / most;
  const std::int64_t pieces = (chunks + grain - 1) / grain;
  Scratch<real> sums(pieces * copy);
  parallel_for(chunks, grain, [&](std::int64_t begin, std::int64_t end) {
    Scratch<real> input(16 * s.place_in), gradient(16 * s.place_out);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t image = item / s.per_plane, tile_row = item % s.per_plane * s.rows;
      const std::int64_t tiles_down = min64(s.rows, s.tiles_down - tile_row);
      load_chunk(p, s, image / planes, image % planes, tile_row, tiles_down, input.data());
      transform_gradient(p, s, dy + image * plane, 2 * tile_row, tiles_down, gradient.data());
      multiply_gradient(p, s, tiles_down * s.tiles_across, input.data(), gradient.data(), item == begin,
                        sums.data() + begin / grain * copy);
    }
  });
  finish_weights(p, sums.data(), pieces, dw);
}

}  // namespace medusa::MEDUSA_CPU

// The weight gradient in Winograd's way: dw = G^T [sum over tiles of D^T (A dy A^T)] G, the steps of winograd.cpp
// backwards.  At each of the 16 or 36 places, and for each depth tap, a product E (+)= D^T Y that sums over tiles:
//
//                                   Y of a chunk, block by block: tiles x 2 vectors
//                                   +--------+
//                                   |        |  a slice of tiles at a time, so that Y's block stays in the L1 cache
//                                   +--------+
//      D of a chunk, tiles x cin    |        |
//      +-------------+              +--------+
//      |   |   |     |      x                     added to E [cin, cout], a tile of up to 14 x 32 at a time
//      +-------------+
//      |   |   |     |
//      +-------------+
//
// Few channels: pieces of the image have an E of their own that stays in the L2 cache, added in order at the end.  Many
// channels: one E, to which all threads add chunk after chunk, each thread other rows of it.  Both orders of summation
// depend on the sizes alone.  A slice is summed from 0 and then added to E: a sum over all the tiles of a batch, one
// after the other, would lose a digit.
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/cpu/winograd.h"
#include "tensor/cpu/winograd_axis.h"
#include "tensor/cpu/winograd_tiles.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kNoSegment[1] = {0};
constexpr std::int64_t kChunkBytes = 256 * 1024, kPieces = 16, kCopyNumbers = std::int64_t{1} << 23;
constexpr std::int64_t kSmallSums = 16 * 64 * 64;              // numbers of an E that stays in the L2 cache
constexpr std::int64_t kLargeWeights = std::int64_t{1} << 19;  // depth x cin x cout; E takes up to 75 MB in float
constexpr std::int64_t kSlice = 128, kRowBlock = 126;          // tiles; rows of E
alignas(64) constexpr real kZeros[kMaxTileWidth] = {};

// One place of E: [depth tap][cin][cout].
std::int64_t place_of_sums(const ConvPass& p) { return p.axis[0].taps * p.cin * p.cout + kSkew; }

// E[k][d][c0 .. c1] (+)= D^T Y.
void multiply(const ConvPass& p, const WinogradCut& s, const WinogradChunk& chunk, std::int64_t k, std::int64_t d,
              std::int64_t c0, std::int64_t c1, const real* input, const real* gradient, bool first, real* sums) {
  const std::int64_t tiles = chunk.tiles();
  sums += k * place_of_sums(p) + d * p.cin * p.cout;
  input += k * s.place_in + d * chunk.layer_tiles() * s.row_in;
  for (std::int64_t tile = 0; tile < tiles; tile += kSlice)
    for (std::int64_t o = 0; o < p.cout;) {
      const int vectors = block_vectors(p.cout, o), most = even_rows(c1 - c0, vectors);
      const std::int64_t width = vectors * kLanes;
      TileSum t{nullptr,
                kNoSegment,
                1,
                min64(kSlice, tiles - tile),
                1,
                s.row_in,
                gradient + k * s.place_out + o * tiles + tile * width,
                0,
                width,
                kZeros,
                0,
                nullptr,
                p.cout,
                !(first && tile == 0)};
      for (std::int64_t c = c0; c < c1; c += most) {
        const int rows = static_cast<int>(min64(most, c1 - c));
        t.a = input + tile * s.row_in + c;
        t.c = sums + c * p.cout + o;
        find_tile(rows, vectors, 1)(t);
      }
      o += width;
    }
}

// dw[depth tap][kh][kw][c][o] = G^T (sum of the pieces' E) G.
template <int kSide>
void finish_weights(const ConvPass& p, const real* sums, std::int64_t pieces, real* dw) {
  constexpr int kIn = kSide + 2;
  const std::int64_t matrix = p.cin * p.cout, place = place_of_sums(p), copy = kIn * kIn * place;
  parallel_for(p.axis[0].taps * matrix / kLanes, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * kLanes; i < end * kLanes; i += kLanes) {
      Vec half[3][kIn];
      for (int j = 0; j < kIn; ++j) {
        Vec e[kIn], out[3];
        for (int k = 0; k < kIn; ++k) {
          const real* from = sums + (kIn * k + j) * place + i;
          e[k] = load(from);
          for (std::int64_t piece = 1; piece < pieces; ++piece) e[k] += load(from + piece * copy);
        }
        WinogradAxis<kSide>::weights(e, out);
        for (int k = 0; k < 3; ++k) half[k][j] = out[k];
      }
      real* to = dw + i / matrix * 9 * matrix + i % matrix;
      for (int k = 0; k < 3; ++k) {
        Vec out[3];
        WinogradAxis<kSide>::weights(half[k], out);
        for (int j = 0; j < 3; ++j, to += matrix) store(to, out[j]);
      }
    }
  });
}

// Pieces of the image, each with an E of its own.
void run_pieces(const ConvPass& p, int side, const real* dy, real* dw) {
  const WinogradCut s = winograd_cut(p, side, kChunkBytes);
  const std::int64_t copy = s.places() * place_of_sums(p), chunks = s.chunks();
  const std::int64_t most = max64(min64(kPieces, kCopyNumbers / copy), 1), grain = (chunks + most - 1) / most;
  const std::int64_t pieces = (chunks + grain - 1) / grain;
  Scratch<real> sums(pieces * copy);
  parallel_for(chunks, grain, [&](std::int64_t begin, std::int64_t end) {
    Scratch<real> input(s.places() * s.place_in), gradient(s.places() * s.place_out);
    for (std::int64_t item = begin; item < end; ++item) {
      const WinogradChunk chunk = winograd_chunk(s, item);
      for (std::int64_t plane = 0; plane < chunk.layers + s.taps - 1; ++plane)
        winograd_input(p, s, chunk, plane, 0, chunk.rows, input.data());
      for (std::int64_t layer = 0; layer < chunk.layers; ++layer)
        winograd_gradient(p, s, chunk, layer, 0, chunk.rows, dy, gradient.data());
      for (std::int64_t k = 0; k < s.places(); ++k)
        for (std::int64_t d = 0; d < s.taps; ++d)
          multiply(p, s, chunk, k, d, 0, p.cin, input.data(), gradient.data(), item == begin,
                   sums.data() + begin / grain * copy);
    }
  });
  s.side == 4 ? finish_weights<4>(p, sums.data(), pieces, dw) : finish_weights<2>(p, sums.data(), pieces, dw);
}

// Chunk after chunk, each by all threads.  A chunk's D and Y together are about as large as E: smaller ones would read
// and write E more often, larger ones would not stay in the L3 cache.
void run_shared(const ConvPass& p, int side, const real* dy, real* dw) {
  const std::int64_t copy = (side + 2) * (side + 2) * place_of_sums(p);
  const std::int64_t bytes = copy * static_cast<std::int64_t>(sizeof(real));
  const WinogradCut s = winograd_cut(p, side, min64(max64(2 * bytes, std::int64_t{1} << 20), std::int64_t{16} << 20));
  Scratch<real> sums(copy), input(s.places() * s.place_in), gradient(s.places() * s.place_out);
  const std::int64_t splits = (p.cin + kRowBlock - 1) / kRowBlock, rows = (p.cin + splits - 1) / splits;
  for (std::int64_t item = 0; item < s.chunks(); ++item) {
    const WinogradChunk chunk = winograd_chunk(s, item);
    const std::int64_t planes = chunk.layers + s.taps - 1;
    parallel_for((planes + chunk.layers) * chunk.rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t plane = i / chunk.rows, row = i % chunk.rows;
        if (plane < planes)
          winograd_input(p, s, chunk, plane, row, 1, input.data());
        else
          winograd_gradient(p, s, chunk, plane - planes, row, 1, dy, gradient.data());
      }
    });
    parallel_for(s.places() * s.taps * splits, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t k = i / splits / s.taps, d = i / splits % s.taps, c = i % splits * rows;
        multiply(p, s, chunk, k, d, c, min64(c + rows, p.cin), input.data(), gradient.data(), item == 0, sums.data());
      }
    });
  }
  s.side == 4 ? finish_weights<4>(p, sums.data(), 1, dw) : finish_weights<2>(p, sums.data(), 1, dw);
}

}  // namespace

// With few tiles E costs more than it saves.
bool winograd_weights_fit(const ConvPass& p) {
  const std::int64_t weights = p.axis[0].taps * p.cin * p.cout;
  return winograd_fits(p) && (16 * weights <= kSmallSums || (weights <= kLargeWeights && winograd_count(p, 2) >= 32));
}

void winograd_weights(const ConvPass& pass, const real* x, const real* dy, real* dw) {
  ConvPass p = pass;
  p.x = x;
  const int side = winograd_side(p);
  if ((side + 2) * (side + 2) * p.axis[0].taps * p.cin * p.cout <= kSmallSums)
    run_pieces(p, side, dy, dw);
  else
    run_shared(p, side, dy, dw);
}

}  // namespace medusa::MEDUSA_CPU

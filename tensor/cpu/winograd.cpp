// Winograd's F(2x2, 3x3) and F(4x4, 3x3): 4 or 16 outputs of a 3x3, stride 1 convolution for 16 or 36 multiplications
// instead of 36 or 144.  Lavin, Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
//
//   input tile d 4x4 every 2 pixels, or 6x6 every 4    D = B^T d B     adds, 16 or 36 numbers per channel
//   kernel g 3x3                                       U = G g G^T     once per call
//   for each of the 16 or 36 places:                   M = D U         a product [tiles, Cin] x [Cin, Cout] (tile.h)
//   output tile y 2x2 or 4x4                           y = A^T M A     adds
//
// winograd_axis.h has B, G and A and says what they do to the accuracy.  The weight gradient is the same backwards
// (winograd_weights.cpp).  Sizes that tiles do not divide are padded with zeros.  A kernel with depth sums its planes
// in the product.  Up to some hundred channels errors in float stay below 1e-6 of the largest value with small tiles
// and 6e-6 with large ones, in double below 1e-14.
//
// Where U stays in the L2 cache a thread takes a chunk of tiles from input to output.  A larger U would be read anew
// for every chunk: there all threads transform a large chunk, then multiply it block by block of U, then transform
// back.
#include "tensor/cpu/winograd.h"

#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/cpu/winograd_tiles.h"
#include "tensor/kernels.h"
#include "tensor/packed_weights.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kChunkBytes = 512 * 1024, kSharedBytes = std::int64_t{8} << 20;
// Up to kSmallWeights numbers (1 MB in float) U stays in L2; up to kMediumWeights its blocks come from L3 fast enough.
constexpr std::int64_t kSmallWeights = 16 * 128 * 128, kMediumWeights = 36 * 256 * 256, kManyChunks = 16;
alignas(64) constexpr real kZeros[kMaxTileWidth] = {};

// M = D U at place k for the block of output channels from o on; returns the block's width.
std::int64_t multiply(const ConvPass& p, const WinogradCut& s, const WinogradChunk& chunk, std::int64_t k,
                      std::int64_t o, const real* input, const real* weights, const std::int64_t* segment,
                      real* output) {
  const std::int64_t tiles = chunk.tiles();
  const int vectors = block_vectors(p.cout, o), most = even_rows(tiles, vectors);
  const std::int64_t width = vectors * kLanes;
  TileSum t{
      nullptr,       segment, s.taps, p.cin, s.row_in, 1,        weights + k * winograd_place(p) + o * s.taps * p.cin,
      p.cin * width, width,   kZeros, 0,     nullptr,  s.row_out};
  for (std::int64_t i = 0; i < tiles; i += most) {
    const int rows = static_cast<int>(min64(most, tiles - i));
    t.a = input + k * s.place_in + i * s.row_in;
    t.c = output + k * s.place_out + i * s.row_out + o;
    find_tile(rows, vectors, s.row_in)(t);
  }
  return width;
}

// The distances of the planes under the taps of depth.
void fill_segments(const WinogradCut& s, const WinogradChunk& chunk, std::int64_t* segment) {
  for (std::int64_t d = 0; d < s.taps; ++d) segment[d] = d * chunk.layer_tiles() * s.row_in;
}

// Each chunk by one thread.
void run_chunks(const ConvPass& p, const WinogradCut& s, const real* weights, const real* bias) {
  parallel_for(s.chunks(), 1, [&](std::int64_t begin, std::int64_t end) {
    Scratch<real> input(s.places() * s.place_in), output(s.places() * s.place_out);
    Scratch<std::int64_t> segment(s.taps);
    for (std::int64_t item = begin; item < end; ++item) {
      const WinogradChunk chunk = winograd_chunk(s, item);
      fill_segments(s, chunk, segment.data());
      for (std::int64_t plane = 0; plane < chunk.layers + s.taps - 1; ++plane)
        winograd_input(p, s, chunk, plane, 0, chunk.rows, input.data());
      for (std::int64_t k = 0; k < s.places(); ++k)
        for (std::int64_t o = 0; o < p.cout;)
          o += multiply(p, s, chunk, k, o, input.data(), weights, segment.data(), output.data());
      for (std::int64_t layer = 0; layer < chunk.layers; ++layer)
        winograd_output(p, s, chunk, layer, 0, chunk.rows, output.data(), bias);
    }
  });
}

// Each chunk by all threads, step by step.
void run_shared(const ConvPass& p, int side, const real* weights, const real* bias) {
  const WinogradCut s = winograd_cut(p, side, kSharedBytes);
  Scratch<real> input(s.places() * s.place_in), output(s.places() * s.place_out);
  Scratch<std::int64_t> segment(s.taps);
  const std::int64_t width = 2 * kLanes, blocks = (p.cout + width - 1) / width;
  for (std::int64_t item = 0; item < s.chunks(); ++item) {
    const WinogradChunk chunk = winograd_chunk(s, item);
    fill_segments(s, chunk, segment.data());
    parallel_for((chunk.layers + s.taps - 1) * chunk.rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        winograd_input(p, s, chunk, i / chunk.rows, i % chunk.rows, 1, input.data());
    });
    parallel_for(s.places() * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        multiply(p, s, chunk, i / blocks, i % blocks * width, input.data(), weights, segment.data(), output.data());
    });
    parallel_for(chunk.layers * chunk.rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        winograd_output(p, s, chunk, i / chunk.rows, i % chunk.rows, 1, output.data(), bias);
    });
  }
}

}  // namespace

bool winograd_fits(const ConvPass& p) {
  bool same = p.groups == 1 && p.axis[0].taps > 0 && p.axis[0].out_stride == 1 && p.cin % kLanes == 0 &&
              p.cout % kLanes == 0 && p.cin >= 16 && p.cout >= 16;
  for (int a = 1; a < 3; ++a)
    same = same && p.kernel[a] == 3 && p.axis[a].taps == 3 && p.axis[a].offset_step == 1 && p.axis[a].in_stride == 1 &&
           p.axis[a].out_stride == 1 && p.axis[a].count >= 4;
  return same;
}

void winograd_pass(const ConvPass& p) {
  const int side = winograd_side(p);
  const WinogradCut s = winograd_cut(p, side, kChunkBytes);
  const std::int64_t count = s.places() * winograd_place(p);
  const std::int64_t form = (64 * side + kLanes) * (p.transposed ? -1 : 1);
  Scratch<real> own(p.packed ? 0 : count), bias(p.cout);
  real* const weights = p.packed ? packed_block(p.packed, count) : own.data();
  if (!p.packed || p.packed->form != form) winograd_kernel(p, side, weights);
  if (p.packed) p.packed->form = form;
  for (std::int64_t o = 0; o < p.cout; ++o) bias[o] = p.bias ? p.bias[o] : 0;
  const std::int64_t size = s.places() * s.taps * p.cin * p.cout;
  if (size <= kSmallWeights || (size <= kMediumWeights && s.chunks() >= kManyChunks))
    run_chunks(p, s, weights, bias.data());
  else
    run_shared(p, side, weights, bias.data());
}

}  // namespace medusa::MEDUSA_CPU

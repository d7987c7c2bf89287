// What Winograd's passes share: how their tiles are cut into chunks, and the transforms of a chunk (winograd_axis.h has
// the formulas).
#pragma once

#include "tensor/cpu/conv.h"
#include "tensor/cpu/scratch.h"

namespace medusa::MEDUSA_CPU {

// Added to strides that would otherwise be powers of two, so that data used together does not fall into the same cache
// sets.
inline constexpr std::int64_t kSkew = 64 / static_cast<std::int64_t>(sizeof(real));

// The planes of output are layers of stacks: those of a volume with its depth, or all images of a 2D batch as one
// stack.  A chunk is up to `chunk_layers` layers x `chunk_rows` rows of tiles, each side x side pixels, of one stack.
//
//        tiles_across          transformed input of a chunk of L layers   [places][L + taps - 1 planes][tiles][cin]
//      +--+--+--+--+--+
//      |  |  |  |  |  |  \     A kernel with depth reads `taps` planes of input per layer; neighbouring layers share
//      +--+--+--+--+--+   rows them: layer l takes planes l .. l + taps - 1, each of which is transformed once.
//      |  |  |  |  |  |  /
//      +--+--+--+--+--+        Rows of `row_in` numbers, places `place_in` apart; its products likewise.
struct WinogradCut {
  int side = 2;         // of a tile of output: 2 or 4
  bool images = false;  // the layers are images
  std::int64_t stacks, layers, tiles_down, tiles_across, taps;
  std::int64_t chunk_layers = 1, chunk_rows = 1;
  std::int64_t row_in, row_out, place_in = 0, place_out = 0;

  std::int64_t deep() const { return (layers + chunk_layers - 1) / chunk_layers; }
  std::int64_t down() const { return (tiles_down + chunk_rows - 1) / chunk_rows; }
  std::int64_t chunks() const { return stacks * deep() * down(); }
  std::int64_t width() const { return side * tiles_across + 2; }   // pixels of a row of tiles
  std::int64_t places() const { return (side + 2) * (side + 2); }  // of a tile of input: as many products
};
// Chunks whose transformed input and output take about `bytes` (at least one row of tiles).
WinogradCut winograd_cut(const ConvPass& pass, int side, std::int64_t bytes);
// Tiles of that side that cover all planes of output; and the side with which a pass, or its weight gradient, is fast.
std::int64_t winograd_count(const ConvPass& pass, int side);
int winograd_side(const ConvPass& pass);

struct WinogradChunk {
  std::int64_t stack, layer, layers, row, rows, across;
  std::int64_t layer_tiles() const { return rows * across; }
  std::int64_t tiles() const { return layers * layer_tiles(); }
};
WinogradChunk winograd_chunk(const WinogradCut& cut, std::int64_t index);

// Rows row .. row + rows of the chunk's rows of tiles, in one plane of its input, D = B^T d B, or one of its layers:
// y = A^T M A + bias, and A dy A^T.  What lies beyond the image is dropped, or zeros.
void winograd_input(const ConvPass& p, const WinogradCut& cut, const WinogradChunk& chunk, std::int64_t plane,
                    std::int64_t row, std::int64_t rows, real* to);
void winograd_output(const ConvPass& p, const WinogradCut& cut, const WinogradChunk& chunk, std::int64_t layer,
                     std::int64_t row, std::int64_t rows, const real* from, const real* bias);
// As [places][block of up to two vectors of channels][tiles][the block's channels].
void winograd_gradient(const ConvPass& p, const WinogradCut& cut, const WinogradChunk& chunk, std::int64_t layer,
                       std::int64_t row, std::int64_t rows, const real* dy, real* to);

// U = G g G^T as [places][block of cout][depth tap][cin][block width], the places winograd_place(p) apart.
void winograd_kernel(const ConvPass& p, int side, real* to);
static inline std::int64_t winograd_place(const ConvPass& p) { return p.axis[0].taps * p.cin * p.cout + kSkew; }

}  // namespace medusa::MEDUSA_CPU

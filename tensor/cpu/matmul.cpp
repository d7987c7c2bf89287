// Matrix products: B is packed into panels of two vectors' width, A is read where it lies, C is made in register tiles.
//
//              n                           One item of work is a block of C of at most kBlockRows x kBlockColumns.
//        +---+---+---+--                   It takes the k axis in slices of kSliceK: of a slice, one panel of B
//      k | p | p | p |    B, packed        (16 KB) stays in the L1 cache while all the block's rows of A (128 KB,
//        +---+---+---+--                   in L2) pass by it.
//        k
//      +------+  +---+---+--               A long k with a small C (weight gradients) is cut into a fixed number of
//    m |  A   |  | C |   |                 pieces with copies of C of their own, added in order: the same bits for
//      +------+  +---+---+--               any number of threads.
#include "tensor/cpu/gemm.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kSliceK = 256, kBlockRows = 120, kBlockColumns = 512;
constexpr std::int64_t kZeroSegment[1] = {0};

std::int64_t pieces_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

// Packed B of one matrix: [slice][panel][k of the slice][width], columns beyond n filled with zeros, times alpha.
void pack_panel(const Gemm& g, const real* b, std::int64_t k0, std::int64_t k1, std::int64_t j0, std::int64_t width,
                real* p) {
  const std::int64_t valid = min64(width, g.n - j0);
  if (g.b_col == 1) {
    for (std::int64_t k = k0; k < k1; ++k, p += width) {
      const real* from = b + k * g.b_row + j0;
      for (std::int64_t j = 0; j < valid; ++j) p[j] = g.alpha * from[j];
      for (std::int64_t j = valid; j < width; ++j) p[j] = 0;
    }
    return;
  }
  for (std::int64_t k = k0; k < k1; ++k, p += width) {
    const real* from = b + k * g.b_row + j0 * g.b_col;
    for (std::int64_t j = 0; j < valid; ++j) p[j] = g.alpha * from[j * g.b_col];
    for (std::int64_t j = valid; j < width; ++j) p[j] = 0;
  }
}

void pack_b(const Gemm& g, real* packed) {
  const std::int64_t padded = padded_columns(g.n), matrix = g.k * padded;
  const std::int64_t matrices = g.b_batch == 0 ? 1 : g.batch, slices = pieces_of(g.k, kSliceK);
  parallel_for(matrices * slices, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t index = item / slices, k0 = item % slices * kSliceK, k1 = min64(k0 + kSliceK, g.k);
      real* p = packed + index * matrix + k0 * padded;
      for (std::int64_t j = 0; j < padded;) {
        const std::int64_t width = block_vectors(padded, j) * kLanes;
        pack_panel(g, g.b + index * g.b_batch, k0, k1, j, width, p + j * (k1 - k0));
        j += width;
      }
    }
  });
}

// B as the tiles read it: packed, or where it lies.
struct Panels {
  const real* packed;  // null: in place
  std::int64_t matrix;
};

// The block of C at rows i0..i1, columns j0..j1 from the steps k0..k1.
void block(const Gemm& g, const Panels& panels, std::int64_t index, std::int64_t i0, std::int64_t i1, std::int64_t j0,
           std::int64_t j1, std::int64_t k0, std::int64_t k1, real* c, std::int64_t c_row, const real* start,
           bool add) {
  const std::int64_t padded = padded_columns(g.n);
  const real *a = g.a + index * g.a_batch, *b = g.b + (panels.packed ? 0 : index * g.b_batch);
  const real* packed = panels.packed ? panels.packed + (g.b_batch ? index : 0) * panels.matrix : nullptr;
  std::int64_t slice = k0;  // a multiple of kSliceK
  do {                      // once even where k is 0: C must be written
    const std::int64_t steps = min64(slice + kSliceK, k1) - slice;
    for (std::int64_t j = j0; j < j1;) {
      const int vectors = block_vectors(padded, j), most = even_rows(i1 - i0, vectors);
      const std::int64_t width = vectors * kLanes;
      const bool adds = add || slice > k0;
      TileSum t{nullptr, kZeroSegment, 1, steps, g.a_row, g.a_col, nullptr, 0, 0, nullptr, 0, nullptr, c_row};
      t.b = packed ? packed + slice * padded + j * steps : b + slice * g.b_row + j;
      t.b_row = packed ? width : g.b_row;
      t.start_row = adds ? c_row : 0;
      for (std::int64_t i = i0; i < i1; i += most) {
        const int rows = static_cast<int>(min64(most, i1 - i));
        t.a = a + i * g.a_row + slice * g.a_col;
        t.c = c + i * c_row + j;
        t.start = adds ? t.c : start + j;
        run_tile(find_tile(rows, vectors, g.a_row), t, rows, vectors, g.n - j);
      }
      j += width;
    }
    slice += kSliceK;
  } while (slice < k1);
}

void scale_rows(real* c, std::int64_t i0, std::int64_t i1, std::int64_t j0, std::int64_t j1, std::int64_t c_row,
                real beta) {
  for (std::int64_t i = i0; i < i1; ++i)
    for (std::int64_t j = j0; j < j1; ++j) c[i * c_row + j] *= beta;
}

// How many pieces the k axis is cut into; depends on the shape alone.
std::int64_t k_pieces(const Gemm& g, std::int64_t blocks) {
  constexpr std::int64_t kMost = 16, kLeastSteps = 2048;
  if (blocks >= kMost || g.k < 2 * kLeastSteps) return 1;
  const std::int64_t memory = max64((std::int64_t{1} << 23) / max64(g.batch * g.m * g.n, 1), 1);  // 32 MB of copies
  return min64(min64(pieces_of(kMost, blocks), g.k / kLeastSteps), memory);
}

// k cut into pieces: a private C each, then the sum.
void split_gemm(const Gemm& g, const Panels& panels, std::int64_t pieces, const real* start) {
  const std::int64_t padded = padded_columns(g.n), matrix = g.m * padded, all = g.batch * matrix;
  const std::int64_t row_blocks = pieces_of(g.m, kBlockRows), column_blocks = pieces_of(padded, kBlockColumns);
  const std::int64_t blocks = g.batch * row_blocks * column_blocks;
  const std::int64_t steps = pieces_of(pieces_of(g.k, kSliceK), pieces) * kSliceK;
  Scratch<real> copies(pieces * all);
  Gemm whole = g;
  whole.n = padded;  // the private copies have whole vectors per row: no edge
  parallel_for(pieces * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t piece = item / blocks, rest = item % blocks, index = rest / (row_blocks * column_blocks);
      const std::int64_t i0 = rest / column_blocks % row_blocks * kBlockRows, j0 = rest % column_blocks * kBlockColumns;
      const std::int64_t k0 = min64(piece * steps, g.k), k1 = min64(k0 + steps, g.k);
      real* c = copies.data() + piece * all + index * matrix;
      block(whole, panels, index, i0, min64(i0 + kBlockRows, g.m), j0, min64(j0 + kBlockColumns, padded), k0, k1, c,
            padded, start, false);
    }
  });
  parallel_for(g.batch * g.m, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      real* c = g.c + row / g.m * g.c_batch + row % g.m * g.c_row;
      const real* from = copies.data() + row * padded;
      for (std::int64_t j = 0; j < g.n; ++j) {
        real sum = from[j];
        for (std::int64_t piece = 1; piece < pieces; ++piece) sum += from[piece * all + j];
        c[j] = (g.beta == 0 ? 0 : g.beta * c[j]) + (g.bias ? g.bias[j] : 0) + sum;
      }
    }
  });
}

}  // namespace

void gemm(const Gemm& g) {
  if (g.batch <= 0 || g.m <= 0 || g.n <= 0) return;
  const std::int64_t padded = padded_columns(g.n);
  // A B of few columns, all in whole vectors, is read in place: packing would cost a pass over it.
  const bool in_place = g.alpha == 1 && g.b_col == 1 && padded == g.n && g.n <= 8 * kLanes;
  const std::int64_t matrix = g.k * padded;
  Scratch<real> packed(in_place ? 0 : matrix * (g.b_batch ? g.batch : 1));
  if (!in_place) pack_b(g, packed.data());
  const Panels panels{in_place ? nullptr : packed.data(), matrix};

  Scratch<real> start(padded);
  const std::int64_t row_blocks = pieces_of(g.m, kBlockRows), column_blocks = pieces_of(padded, kBlockColumns);
  const std::int64_t blocks = g.batch * row_blocks * column_blocks, pieces = k_pieces(g, blocks);
  for (std::int64_t j = 0; j < padded; ++j) start[j] = g.bias && pieces == 1 && j < g.n ? g.bias[j] : 0;
  if (pieces > 1) return split_gemm(g, panels, pieces, start.data());

  parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t index = item / (row_blocks * column_blocks);
      const std::int64_t i0 = item / column_blocks % row_blocks * kBlockRows, i1 = min64(i0 + kBlockRows, g.m);
      const std::int64_t j0 = item % column_blocks * kBlockColumns, j1 = min64(j0 + kBlockColumns, padded);
      real* c = g.c + index * g.c_batch;
      if (g.beta != 0 && g.beta != 1) scale_rows(c, i0, i1, j0, min64(j1, g.n), g.c_row, g.beta);
      block(g, panels, index, i0, i1, j0, j1, 0, g.k, c, g.c_row, start.data(), g.beta != 0);
    }
  });
}

void matmul(real alpha, const real* a, const real* b, real beta, real* c, MatmulGeometry m) {
  Gemm g;
  g.batch = m.batch, g.m = m.m, g.n = m.n, g.k = m.k;
  g.a = a, g.a_row = m.transpose_a ? 1 : m.k, g.a_col = m.transpose_a ? m.m : 1, g.a_batch = m.stride_a;
  g.b = b, g.b_row = m.transpose_b ? 1 : m.n, g.b_col = m.transpose_b ? m.k : 1, g.b_batch = m.stride_b;
  g.c = c, g.c_row = m.n, g.c_batch = m.stride_c;
  g.alpha = alpha, g.beta = beta;
  gemm(g);
}

}  // namespace medusa::MEDUSA_CPU

// The register tile: the one inner loop that every matrix product and convolution of this library runs in.
//
//            kWidth = kVectors x kLanes columns
//            +-----------------+
//            |  B   (k rows)   |   per step k: load one row of B (kVectors vectors), then for each of the tile's
//            +-----------------+   rows broadcast one element of A and multiply-add; C never leaves the registers
//   +-----+  +-----------------+
//   |  A  |  |  C  (rows)      |
//   +-----+  +-----------------+
#pragma once

#include "tensor/cpu/simd.h"

#if defined(__clang__)
#define MEDUSA_UNROLL _Pragma("unroll")
#else
#define MEDUSA_UNROLL _Pragma("GCC unroll 32")
#endif

namespace medusa::MEDUSA_CPU {

// How many rows a tile of one or two vectors has at most: as many as there are registers for, less those that
// hold the row of B and the broadcast (AVX-512 has 32 registers, the others 16).
inline constexpr int kTileRows2 = kVectorBytes == 64 ? 14 : 6;
inline constexpr int kTileRows1 = kVectorBytes == 64 ? 24 : 12;
inline constexpr int kMaxTileRows = kTileRows1;
inline constexpr std::int64_t kMaxTileWidth = 2 * kLanes;

// C[i][j] = start[i][j] + sum_s sum_k a[a_segment[s] + i a_row + k a_col] * b[s b_segment + k b_row + j]
// The sum over s lets one tile run over the taps of a convolution: each tap is a segment elsewhere in the image.
struct TileSum {
  const real* a;
  const std::int64_t* a_segment;  // offsets of the segments
  std::int64_t segments, k;       // k: steps per segment
  std::int64_t a_row, a_col;
  const real* b;
  std::int64_t b_segment, b_row;
  const real* start;  // zeros, a bias (start_row = 0), or C itself to add to it
  std::int64_t start_row;
  real* c;
  std::int64_t c_row;
  bool adds = false;  // adds the sum to C at the end: over many such sums this loses fewer digits than starting from C
};

// kRow != 0 fixes a_row at compile time: the addresses of a row's elements become displacements.
template <int kRows, int kVectors, int kRow>
static void tile(const TileSum& t) {
  const std::int64_t a_row = kRow ? kRow : t.a_row;
  Vec sum[kRows][kVectors];
  MEDUSA_UNROLL
  for (int i = 0; i < kRows; ++i) MEDUSA_UNROLL
  for (int j = 0; j < kVectors; ++j) sum[i][j] = load(t.start + i * t.start_row + j * kLanes);
  for (std::int64_t s = 0; s < t.segments; ++s) {
    const real *a = t.a + t.a_segment[s], *b = t.b + s * t.b_segment;
    for (std::int64_t k = 0; k < t.k; ++k, a += t.a_col, b += t.b_row) {
      Vec row[kVectors];
      MEDUSA_UNROLL
      for (int j = 0; j < kVectors; ++j) row[j] = load(b + j * kLanes);
      MEDUSA_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const Vec x = broadcast(a[i * a_row]);
        MEDUSA_UNROLL
        for (int j = 0; j < kVectors; ++j) sum[i][j] += x * row[j];
      }
    }
  }
  if (t.adds) {
    MEDUSA_UNROLL
    for (int i = 0; i < kRows; ++i) MEDUSA_UNROLL
    for (int j = 0; j < kVectors; ++j) sum[i][j] += load(t.c + i * t.c_row + j * kLanes);
  }
  MEDUSA_UNROLL
  for (int i = 0; i < kRows; ++i) MEDUSA_UNROLL
  for (int j = 0; j < kVectors; ++j) store(t.c + i * t.c_row + j * kLanes, sum[i][j]);
}

using Tile = void (*)(const TileSum&);

template <int... kI>
struct TileIndices {};
template <int kN, int... kI>
struct MakeTileIndices : MakeTileIndices<kN - 1, kN - 1, kI...> {};
template <int... kI>
struct MakeTileIndices<0, kI...> {
  using type = TileIndices<kI...>;
};
template <int kVectors, int kRow, int... kI>
static Tile tile_of_rows(int rows, TileIndices<kI...>) {
  static constexpr Tile table[] = {&tile<kI + 1, kVectors, kRow>...};
  return table[rows - 1];
}
template <int kRow>
static Tile tile_of_row_stride(int rows, int vectors) {
  return vectors == 2 ? tile_of_rows<2, kRow>(rows, typename MakeTileIndices<kTileRows2>::type{})
                      : tile_of_rows<1, kRow>(rows, typename MakeTileIndices<kTileRows1>::type{});
}
// The tile function for this many rows and vectors and this row stride of A.
static inline Tile find_tile(int rows, int vectors, std::int64_t a_row) {
  return a_row == 1 ? tile_of_row_stride<1>(rows, vectors) : tile_of_row_stride<0>(rows, vectors);
}

// The number of rows per tile such that n rows are cut into nearly equal tiles: 16 = 6 + 5 + 5, not 6 + 6 + 4.
static inline int even_rows(std::int64_t n, int vectors) {
  const std::int64_t most = vectors == 2 ? kTileRows2 : kTileRows1;
  const std::int64_t tiles = max64((n + most - 1) / most, 1);
  return static_cast<int>(max64((n + tiles - 1) / tiles, 1));
}

// Columns are worked on in blocks of two vectors; what is left over (n rounded up to whole vectors) in one of one.
static inline std::int64_t padded_columns(std::int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }
static inline int block_vectors(std::int64_t padded, std::int64_t column) {
  return padded - column >= 2 * kLanes ? 2 : 1;
}

// Runs a tile whose last columns may lie outside C: then through a copy on the stack.
static inline void run_tile(Tile run, TileSum& t, int rows, int vectors, std::int64_t valid) {
  if (valid >= vectors * kLanes) return run(t);
  real edge[kMaxTileRows * kMaxTileWidth];
  real* c = t.c;
  const real* start = t.start;
  const std::int64_t c_row = t.c_row, start_row = t.start_row;
  if (start == c) {  // adds to C
    for (int i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < vectors * kLanes; ++j)
        edge[i * kMaxTileWidth + j] = j < valid ? c[i * c_row + j] : 0;
    t.start = edge;
    t.start_row = kMaxTileWidth;
  }
  t.c = edge;
  t.c_row = kMaxTileWidth;
  run(t);
  for (int i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < valid; ++j) c[i * c_row + j] = edge[i * kMaxTileWidth + j];
  t.c = c;
  t.c_row = c_row;
  t.start = start;
  t.start_row = start_row;
}

}  // namespace medusa::MEDUSA_CPU

// Convolution as a matrix product.  The input is unfolded ("im2col"): one row per output pixel, holding all numbers
// that this pixel needs, tap by tap:
//
//        columns [pixels, taps x Cin]  x  weights [taps x Cin, Cout]  =  y [pixels, Cout]
//
// Unfolded, an image of a 3x3 convolution is 9 times as large, so it is done in chunks of pixels that fit a bounded
// scratch memory.  With channels last y comes out as it is wanted, and a 1x1 convolution needs no unfolding at all.
//
// Backward-data is made of the same passes (tensor/conv_pass.h), one per phase of the stride: nothing is scattered or
// added up twice, so there is no need for atomics.  A transposed convolution is these passes.
// Backward-weights: dw = columns' x dy, summed over the chunks in order.
#include "cuda/blas.h"
#include "cuda/conv.h"
#include "cuda/launch.h"
#include "cuda/unfold.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

// Every place of y is written, in order.
bool dense(const ConvAxis& a) { return a.out_start == 0 && a.out_stride == 1 && a.count == a.out_size; }
bool pixelwise(const ConvAxis& a) { return a.taps == 1 && a.offset == 0 && a.in_stride == 1 && a.count == a.in_size; }

struct Pass : ConvPass {
  std::int64_t depth() const { return taps() * cin; }  // numbers per row of columns
  std::int64_t places() const { return n * axis[0].count * axis[1].count * axis[2].count; }
  std::int64_t y_numel() const { return n * axis[0].out_size * axis[1].out_size * axis[2].out_size * cout * groups; }
  bool dense() const { return cuda::dense(axis[0]) && cuda::dense(axis[1]) && cuda::dense(axis[2]); }
  bool pixelwise() const { return cuda::pixelwise(axis[0]) && cuda::pixelwise(axis[1]) && cuda::pixelwise(axis[2]); }
};

std::int64_t conv_memory = std::int64_t{64} << 20;

// columns [count, taps, cin]: row `place - first` holds what the place needs, 0 where that is outside the input
template <class Index, int N>
__global__ void unfold_kernel(const real* x, real* columns, Unfolding<Index> unfolding, Index first, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const Index from = unfolding.source(first, static_cast<Index>(i));
    Pack<N> pack{};
    if (from >= 0) pack = pack_at<N>(x + static_cast<std::int64_t>(from) * N);
    pack_at<N>(columns + i * N) = pack;
  }
}

// packed[t][c][o]: the weights of a group as the pass wants them; in w they are [tap][o][all c] (transposed passes
// only).
template <class Index>
__global__ void pack_kernel(Pass p, Extents<Index, 4> extents, std::int64_t group, real* packed, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto at = extents.coordinates(static_cast<Index>(i));
    std::int64_t tap[3];
    for (int a = 0; a < 3; ++a) tap[a] = p.axis[a].tap + at[a] * p.axis[a].tap_step;
    const std::int64_t k = (tap[0] * p.kernel[1] + tap[1]) * p.kernel[2] + tap[2], c = at[3], o = at[4];
    packed[i] = p.w[(k * p.cout + o) * p.cin * p.groups + group * p.cin + c];
  }
}

// y of every channel: its bias, or 0
template <class Index>
__global__ void bias_kernel(const real* bias, real* y, FastDivmod<Index> channels, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step())
    y[i] = bias != nullptr ? bias[channels(static_cast<Index>(i)).remainder] : real(0);
}

// The places of a pass that is not dense: y = bias + what the product left in rows [place - first][o]
template <class Index>
__global__ void place_kernel(Pass p, FastDivmod<Index> cout, Extents<Index, 3> places, std::int64_t group, Index first,
                             const real* rows, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto [place, o] = cout(static_cast<Index>(i));
    const auto at = places.coordinates(first + place);
    std::int64_t to = at[0];
    for (int a = 0; a < 3; ++a) to = to * p.axis[a].out_size + p.axis[a].out_start + at[a + 1] * p.axis[a].out_stride;
    const std::int64_t channel = group * p.cout + o;
    const real value = rows != nullptr ? rows[i] : real(0);
    p.y[to * p.cout * p.groups + channel] = (p.bias != nullptr ? p.bias[channel] : real(0)) + value;
  }
}

void unfold(const Pass& p, std::int64_t group, std::int64_t first, std::int64_t count, real* columns) {
  const std::int64_t n = count * p.depth();
  const bool packs = in_packs({p.x, columns}, {p.cin});
  with_index_and_pack({unfolding_reach(p, count)}, packs, [&]<class Index, int N>() {
    launch("unfold", blocks_for(n / N), unfold_kernel<Index, N>, p.x, columns, Unfolding<Index>(p, group, N),
           static_cast<Index>(first), n / N);
  });
}

void pack(const Pass& p, std::int64_t group, real* packed) {
  const std::int64_t n = p.depth() * p.cout;
  with_index({n}, [&]<class Index>() {
    const std::int64_t taps[3] = {p.axis[1].taps, p.axis[2].taps, p.cin};
    launch("pack_weights", blocks_for(n), pack_kernel<Index>, p, image_extents<Index>(taps, p.cout), group, packed, n);
  });
}

void start_with_bias(const Pass& p) {
  const std::int64_t n = p.y_numel(), channels = p.cout * p.groups;
  with_index({n}, [&]<class Index>() {
    launch("conv_bias", blocks_for(n), bias_kernel<Index>, p.bias, p.y, FastDivmod<Index>(channels), n);
  });
}

void place(const Pass& p, std::int64_t group, std::int64_t first, std::int64_t count, const real* rows) {
  const std::int64_t n = count * p.cout;
  with_index({n, p.places()}, [&]<class Index>() {
    launch("conv_place", blocks_for(n), place_kernel<Index>, p, FastDivmod<Index>(p.cout), place_extents<Index>(p),
           group, static_cast<Index>(first), rows, n);
  });
}

// As many places as the bounded memory has room for, columns and rows together: a pass that is not dense also keeps a
// row of results there.  (Without unfolding the columns take no memory; counting them anyway bounds the products.)
std::int64_t chunk_places(const Pass& p) {
  const std::int64_t numbers = p.depth() + (p.dense() ? 0 : p.cout), row = numbers * std::int64_t{sizeof(real)};
  const std::int64_t fit = conv_memory / (row > 0 ? row : 1);
  const std::int64_t chunk = fit > 0 ? fit : 1, all = p.places();
  return chunk < all ? chunk : all;
}

// Calls body(first, count) for the chunks of a pass's places.
template <class Body>
void for_chunks(const Pass& p, const Body& body) {
  const std::int64_t all = p.places(), chunk = chunk_places(p);
  for (std::int64_t first = 0; first < all; first += chunk) body(first, first + chunk < all ? chunk : all - first);
}

// The product's left factor for a chunk: the unfolded input, or where nothing needs unfolding x itself.
void set_columns(const Pass& p, std::int64_t group, std::int64_t first, std::int64_t count, real* columns,
                 Gemm* product) {
  if (p.pixelwise()) {
    product->a = p.x + first * p.cin * p.groups + group * p.cin;
    product->row_a = p.cin * p.groups;
    return;
  }
  unfold(p, group, first, count, columns);
  product->a = columns;
  product->row_a = p.depth();
}

// With more than one tap the rows of a transposed pass's weights, as they lie in w, do not form a matrix.
bool packs(const Pass& p) { return p.transposed && p.taps() != 1; }

// The right factor: [depth, cout] of a group.
void set_weights(const Pass& p, std::int64_t group, real* packed, Gemm* product) {
  if (!p.transposed) {
    product->b = p.w + group * p.cout;
    product->row_b = p.cout * p.groups;
    return;
  }
  if (!packs(p)) {
    const std::int64_t tap = (p.axis[0].tap * p.kernel[1] + p.axis[1].tap) * p.kernel[2] + p.axis[2].tap;
    product->transpose_b = true;
    product->row_b = p.cin * p.groups;
    product->b = p.w + tap * p.cout * product->row_b + group * p.cin;
    return;
  }
  pack(p, group, packed);
  product->b = packed;
  product->row_b = p.cout;
}

void run_pass(const Pass& p) {
  const bool dense = p.dense();
  if (p.places() == 0 || p.cout == 0) return;
  // A product of depth 0 adds nothing; the bias is written before it, as something to add to.
  const bool add = p.bias != nullptr || p.depth() == 0;
  if (dense && add) start_with_bias(p);
  if (dense && p.depth() == 0) return;
  const Scratch<real> columns(p.pixelwise() ? 0 : chunk_places(p) * p.depth());
  const Scratch<real> packed(packs(p) ? p.depth() * p.cout : 0);
  const Scratch<real> rows(dense ? 0 : chunk_places(p) * p.cout);
  for (std::int64_t group = 0; group < p.groups; ++group) {
    Gemm product;
    product.n = p.cout;
    product.k = p.depth();
    product.beta = dense && add ? real(1) : real(0);
    if (p.depth() > 0) set_weights(p, group, packed.data(), &product);
    for_chunks(p, [&](std::int64_t first, std::int64_t count) {
      product.m = count;
      product.c = dense ? p.y + first * p.cout * p.groups + group * p.cout : rows.data();
      product.row_c = dense ? p.cout * p.groups : p.cout;
      if (p.depth() > 0) {
        set_columns(p, group, first, count, columns.data(), &product);
        gemm(product);
      }
      if (!dense) place(p, group, first, count, p.depth() > 0 ? rows.data() : nullptr);
    });
  }
}

}  // namespace

void set_conv_memory(std::int64_t bytes) { conv_memory = bytes; }

void conv(const real* x, const real* w, const real* bias, real* y, ConvGeometry g) {
  Pass p{forward_pass(g)};
  p.x = x, p.w = w, p.bias = bias, p.y = y;
  run_pass(p);
}

void conv_backward_data(const real* dy, const real* w, const real* bias, real* dx, ConvGeometry g) {
  for_backward_passes(g, [=](const ConvPass& pass) {
    Pass p{pass};
    p.x = dy, p.w = w, p.bias = bias, p.y = dx;
    run_pass(p);
  });
}

void conv_backward_weights(const real* x, const real* dy, real* dw, ConvGeometry g) {
  Pass p{forward_pass(g)};
  p.x = x;
  if (p.places() == 0) return fill(dw, 0, g.weight_numel());
  const Scratch<real> columns(p.pixelwise() ? 0 : chunk_places(p) * p.depth());
  for (std::int64_t group = 0; group < p.groups; ++group) {
    Gemm product;
    product.transpose_a = true;
    product.m = p.depth();
    product.n = p.cout;
    product.row_b = product.row_c = p.cout * p.groups;
    product.c = dw + group * p.cout;
    for_chunks(p, [&](std::int64_t first, std::int64_t count) {
      product.k = count;
      product.beta = first == 0 ? real(0) : real(1);
      product.b = dy + first * p.cout * p.groups + group * p.cout;
      set_columns(p, group, first, count, columns.data(), &product);
      gemm(product);
    });
  }
}

}  // namespace medusa::cuda

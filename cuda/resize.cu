// Resizing.  A table per axis gives, for each output place, its input place and the share of that place's right
// neighbour.  The backward pass gathers with the same tables: `first` says where the outputs that read an input place
// begin.
#include "cuda/axes.cuh"
#include "cuda/launch.h"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

// Output o of an axis is (1 - share[o]) x[low[o]] + share[o] x[low[o] + 1]; low grows with o.
struct Table {
  std::int64_t in, out;
  std::int64_t* low;    // [out]
  std::int64_t* first;  // [in + 1]: the first output with low >= i
  real* share;          // [out]
};
struct Tables {
  Table axis[3];
};

// Linear: pixel i of n has its centre at (i + 0.5) / n; beyond the outermost centres the outermost pixel is repeated.
__device__ void fill_place(const Table& t, std::int64_t o, bool linear) {
  if (!linear) {
    t.low[o] = o * t.in / t.out;
    t.share[o] = 0;
    return;
  }
  double x = (static_cast<double>(o) + 0.5) * static_cast<double>(t.in) / static_cast<double>(t.out) - 0.5;
  if (x < 0) x = 0;
  std::int64_t low = static_cast<std::int64_t>(x);
  if (low > t.in - 1) low = t.in - 1;
  t.low[o] = low;
  t.share[o] = low + 1 < t.in ? static_cast<real>(x - static_cast<double>(low)) : real(0);
}

// One block per axis.
__global__ void fill_tables(Tables tables, bool linear) {
  const Table t = tables.axis[blockIdx.x];
  for (std::int64_t o = threadIdx.x; o < t.out; o += kThreads) fill_place(t, o, linear);
  __syncthreads();
  for (std::int64_t i = threadIdx.x; i <= t.in; i += kThreads) {
    std::int64_t begin = 0, end = t.out;  // the answer is in begin..end
    while (begin < end) {
      const std::int64_t middle = (begin + end) / 2;
      if (t.low[middle] < i)
        begin = middle + 1;
      else
        end = middle;
    }
    t.first[i] = begin;
  }
}

// The inputs of output o: one or two, `place(k)` with `weight(k)`.
template <class Index>
struct Sources {
  Index low;
  real share;
  __device__ Sources(const Table& t, Index o) : low(static_cast<Index>(t.low[o])), share(t.share[o]) {}
  __device__ int count() const { return share > 0 ? 2 : 1; }
  __device__ Index place(int k) const { return low + k; }
  __device__ real weight(int k) const { return k == 0 ? 1 - share : share; }
};

// The outputs that read input i: first..last-1, each with a weight, which may be 0.
template <class Index>
struct Readers {
  const Table& t;
  Index i, first, last;
  __device__ Readers(const Table& table, Index input)
      : t(table),
        i(input),
        first(static_cast<Index>(table.first[input > 0 ? input - 1 : 0])),
        last(static_cast<Index>(table.first[input + 1])) {}
  __device__ real weight(Index o) const { return t.low[o] == i ? 1 - t.share[o] : t.share[o]; }
};

// Elements are packs of N channels.
template <class Index, int N>
__global__ void resize_kernel(const real* x, real* y, Tables t, Extents<Index, 4> in, Extents<Index, 4> out,
                              std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto to = out.coordinates(static_cast<Index>(i));
    const Sources<Index> depth(t.axis[0], to[1]), height(t.axis[1], to[2]), width(t.axis[2], to[3]);
    Pack<N> sum{};
    for (int c = 0; c < width.count(); ++c) {
      Pack<N> column{};
      for (int a = 0; a < depth.count(); ++a)
        for (int b = 0; b < height.count(); ++b) {
          const Index from = in.element(to[0], depth.place(a), height.place(b), width.place(c), to[4]);
          const Pack<N> pack = pack_at<N>(x + std::int64_t{from} * N);
          for (int k = 0; k < N; ++k) column.v[k] += depth.weight(a) * height.weight(b) * pack.v[k];
        }
      for (int k = 0; k < N; ++k) sum.v[k] += width.weight(c) * column.v[k];
    }
    pack_at<N>(y + i * N) = sum;
  }
}

template <class Index, int N>
__global__ void resize_backward_kernel(const real* dy, real* dx, Tables t, Extents<Index, 4> in, Extents<Index, 4> out,
                                       std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto from = in.coordinates(static_cast<Index>(i));
    const Readers<Index> depth(t.axis[0], from[1]), height(t.axis[1], from[2]), width(t.axis[2], from[3]);
    Pack<N> sum{};
    for (Index c = width.first; c < width.last; ++c) {
      Pack<N> column{};
      for (Index a = depth.first; a < depth.last; ++a)
        for (Index b = height.first; b < height.last; ++b) {
          const Pack<N> pack = pack_at<N>(dy + std::int64_t{out.element(from[0], a, b, c, from[4])} * N);
          for (int k = 0; k < N; ++k) column.v[k] += depth.weight(a) * height.weight(b) * pack.v[k];
        }
      for (int k = 0; k < N; ++k) sum.v[k] += width.weight(c) * column.v[k];
    }
    pack_at<N>(dx + i * N) = sum;
  }
}

// The tables' memory, filled for g.
class TableMemory {
 public:
  explicit TableMemory(const ResizeGeometry& g) : places_(total(g, 2) + 3), shares_(total(g, 1)) {
    std::int64_t* places = places_.data();
    real* shares = shares_.data();
    for (int i = 0; i < 3; ++i) {
      tables_.axis[i] = {g.in[i], g.out[i], places, places + g.out[i], shares};
      places += g.out[i] + g.in[i] + 1;
      shares += g.out[i];
    }
    launch("resize_tables", 3, fill_tables, tables_, g.linear);
  }
  const Tables& tables() const { return tables_; }

 private:
  static std::int64_t total(const ResizeGeometry& g, int both) {
    std::int64_t n = 0;
    for (int i = 0; i < 3; ++i) n += g.out[i] + (both == 2 ? g.in[i] : 0);
    return n;
  }
  Scratch<std::int64_t> places_;
  Scratch<real> shares_;
  Tables tables_{};
};

std::int64_t numel(std::int64_t n, const std::int64_t (&size)[3], std::int64_t c) {
  return n * size[0] * size[1] * size[2] * c;
}

}  // namespace

void resize(const real* x, real* y, ResizeGeometry g) {
  const std::int64_t n = numel(g.n, g.out, g.c);
  if (n == 0) return;
  const TableMemory memory(g);
  with_index_and_pack({n, numel(g.n, g.in, g.c)}, in_packs({x, y}, {g.c}), [&]<class Index, int N>() {
    launch("resize", blocks_for(n / N), resize_kernel<Index, N>, x, y, memory.tables(),
           image_extents<Index>(g.in, g.c / N), image_extents<Index>(g.out, g.c / N), n / N);
  });
}

void resize_backward(const real* dy, real* dx, ResizeGeometry g) {
  const std::int64_t n = numel(g.n, g.in, g.c);
  if (n == 0) return;
  const TableMemory memory(g);
  with_index_and_pack({n, numel(g.n, g.out, g.c)}, in_packs({dy, dx}, {g.c}), [&]<class Index, int N>() {
    launch("resize_backward", blocks_for(n / N), resize_backward_kernel<Index, N>, dy, dx, memory.tables(),
           image_extents<Index>(g.in, g.c / N), image_extents<Index>(g.out, g.c / N), n / N);
  });
}

}  // namespace medusa::cuda

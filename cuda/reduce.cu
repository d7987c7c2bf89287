// Sums along an axis, positions of maxima, and the sums over a whole tensor.
#include "cuda/reduce.cuh"
#include "cuda/spans.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

struct ReadSum {
  const real* x;
  std::int64_t length, inner;
  __device__ Sums<1> operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    real total = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step()) total += x[(o * length + k) * inner + i];
    return {{static_cast<double>(total)}};
  }
};
struct ReadNonfinite {
  const real* x;
  __device__ Sums<1> operator()(std::int64_t, Stretch s, std::int64_t) const {
    int bad = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step()) bad += x[k] - x[k] != 0;  // infinity - infinity is NaN
    return {{static_cast<double>(bad)}};
  }
};

struct WriteScaled {
  real* y;
  std::int64_t inner;
  double scale;
  __device__ void operator()(std::int64_t o, std::int64_t i, const Sums<1>& s) const {
    y[o * inner + i] = static_cast<real>(s.v[0] * scale);
  }
};
// ---- inner products: each block leaves the sum of its part of a span, a reduction joins them ----------------------

__global__ void products_kernel(const SpanTable<PairSpan> table, double* partial) {
  const int k = table.of_block(blockIdx.x);
  const PairSpan span = table.span[k];
  const Stretch mine = table.stretch(k, blockIdx.x);
  double total = 0;
  for (std::int64_t i = mine.first; i < mine.last; i += mine.step())
    total += static_cast<double>(span.a[i]) * static_cast<double>(span.b[i]);
  total = block_reduce(total, [](double x, double y) { return x + y; });
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

struct ReadDoubles {
  const double* x;
  __device__ Sums<1> operator()(std::int64_t, Stretch s, std::int64_t) const {
    double total = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step()) total += x[k];
    return {{total}};
  }
};
// As two numbers, since one float has fewer digits than the sum.
struct WriteTwo {
  real* y;
  __device__ void operator()(std::int64_t, std::int64_t, const Sums<1>& s) const {
    const real rounded = static_cast<real>(s.v[0]);
    y[0] = rounded;
    y[1] = rounded - rounded == 0 ? static_cast<real>(s.v[0] - static_cast<double>(rounded)) : real(0);
  }
};

constexpr std::int64_t kMostVectors = 32;
struct Combination {
  const real* x[kMostVectors];
  double weight[kMostVectors];
  std::int64_t count;
};
__global__ void combination_kernel(const Combination c, real* y, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    double sum = 0;
    for (std::int64_t t = 0; t < c.count; ++t) sum += c.weight[t] * static_cast<double>(c.x[t][i]);
    y[i] = static_cast<real>(sum);
  }
}

template <class Index>
__global__ void max_index_kernel(const real* x, real* index, Rows r, FastDivmod<Index> inner) {
#pragma unroll 1
  for (std::int64_t at = first_index(); at < r.outer * r.inner; at += index_step()) {
    const auto [o, i] = inner(static_cast<Index>(at));
    const real* p = x + o * r.length * r.inner + i;
    real best = p[0];
    std::int64_t winner = 0;
    for (std::int64_t k = 1; k < r.length; ++k)
      if (p[k * r.inner] > best) {
        best = p[k * r.inner];
        winner = k;
      }
    index[at] = static_cast<real>(winner);
  }
}

}  // namespace

void sum(const real* x, real scale, real* y, Rows r) {
  reduce<Sums<1>>("sum", r, ReadSum{x, r.length, r.inner}, WriteScaled{y, r.inner, static_cast<double>(scale)});
}

void max_index(const real* x, real* index, Rows r) {
  if (r.length == 0) return;
  const std::int64_t n = r.outer * r.inner;
  with_index({n}, [&]<class Index>() {
    launch("max_index", blocks_for(n), max_index_kernel<Index>, x, index, r, FastDivmod<Index>(r.inner));
  });
}

void inner_product(const PairSpan* spans, std::int64_t count, real* y) {
  std::int64_t blocks = 0, done = 0;
  for (std::int64_t k = 0; k < count; ++k) blocks += divide_up(spans[k].n, kSpanChunk);
  const Scratch<double> partial(blocks);
  for_tables(spans, count, [&](const SpanTable<PairSpan>& table) {
    launch("inner_product", table.blocks(), products_kernel, table, partial.data() + done);
    done += table.blocks();
  });
  reduce<Sums<1>>("inner_product", Rows{1, blocks, 1}, ReadDoubles{partial.data()}, WriteTwo{y});
}

void combination(const real* const* x, const double* weights, std::int64_t count, real* y, std::int64_t n) {
  MEDUSA_CHECK(count <= kMostVectors, "combination: {} vectors, expected at most {}", count, kMostVectors);
  Combination c{};
  c.count = count;
  for (std::int64_t t = 0; t < count; ++t) c.x[t] = x[t], c.weight[t] = weights[t];
  launch("combination", blocks_for(n), combination_kernel, c, y, n);
}

void count_nonfinite(const real* x, real* y, std::int64_t n) {
  reduce<Sums<1>>("count_nonfinite", Rows{1, n, 1}, ReadNonfinite{x}, WriteScaled{y, 1, 1});
}

}  // namespace medusa::cuda

// Sums along an axis, positions of maxima, and the sums over a whole tensor.
#include "cuda/reduce.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

struct ReadSum {
  const real* x;
  std::int64_t length, inner;
  __device__ Sums<1> operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    real total = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step) total += x[(o * length + k) * inner + i];
    return {{static_cast<double>(total)}};
  }
};
struct ReadSquares {
  const real* x;
  __device__ Sums<1> operator()(std::int64_t, Stretch s, std::int64_t) const {
    double total = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step) {
      const double v = static_cast<double>(x[k]);
      total += v * v;
    }
    return {{total}};
  }
};
struct ReadNonfinite {
  const real* x;
  __device__ Sums<1> operator()(std::int64_t, Stretch s, std::int64_t) const {
    int bad = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step)
      bad += x[k] - x[k] != 0;  // infinity - infinity is no number
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
struct AddTo {
  real* y;
  __device__ void operator()(std::int64_t, std::int64_t, const Sums<1>& s) const { y[0] += static_cast<real>(s.v[0]); }
};

__global__ void max_index_kernel(const real* x, real* index, Rows r) {
  for (std::int64_t at = first_index(); at < r.outer * r.inner; at += index_step()) {
    const real* p = x + at / r.inner * r.length * r.inner + at % r.inner;
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
  launch("max_index", blocks_for(r.outer * r.inner), max_index_kernel, x, index, r);
}

void sum_squares(const real* x, real* y, std::int64_t n) {
  reduce<Sums<1>>("sum_squares", Rows{1, n, 1}, ReadSquares{x}, AddTo{y});
}

void count_nonfinite(const real* x, real* y, std::int64_t n) {
  reduce<Sums<1>>("count_nonfinite", Rows{1, n, 1}, ReadNonfinite{x}, WriteScaled{y, 1, 1});
}

}  // namespace medusa::cuda

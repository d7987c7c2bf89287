// Reductions.  Same bits for any number of threads: the range is cut into pieces that depend on the sizes alone, each
// piece is summed by itself and the partial sums are added in order, in double.
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/simd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // elements per piece
constexpr std::int64_t kPieces = 64;      // at most this many pieces along the summed axis
constexpr std::int64_t kColumns = 512;    // columns summed at a time
constexpr std::int64_t kBlock = 32;       // additions in `real` before going over to double: keeps float accurate
constexpr int kTile = 4;                  // vectors side by side

// acc[i] += sum over `rows` rows of x[k * stride + i] for i < width.
void add_rows(const real* x, std::int64_t rows, std::int64_t stride, std::int64_t width, double* acc) {
  constexpr std::int64_t kWidth = kTile * kLanes;
  for (std::int64_t first = 0; first < rows; first += kBlock) {
    const std::int64_t last = min64(first + kBlock, rows);
    std::int64_t i = 0;
    for (; i + kWidth <= width; i += kWidth) {
      Vec s[kTile] = {};
      for (std::int64_t k = first; k < last; ++k)
        for (int t = 0; t < kTile; ++t) s[t] += load(x + k * stride + i + t * kLanes);
      for (int t = 0; t < kTile; ++t)
        for (int lane = 0; lane < kLanes; ++lane) acc[i + t * kLanes + lane] += static_cast<double>(s[t][lane]);
    }
    for (; i + kLanes <= width; i += kLanes) {
      Vec s = {};
      for (std::int64_t k = first; k < last; ++k) s += load(x + k * stride + i);
      for (int lane = 0; lane < kLanes; ++lane) acc[i + lane] += static_cast<double>(s[lane]);
    }
    for (; i < width; ++i) {
      real s = 0;
      for (std::int64_t k = first; k < last; ++k) s += x[k * stride + i];
      acc[i] += static_cast<double>(s);
    }
  }
}

// y[i] = sum over `rows` rows of `width` <= kColumns columns that are `stride` apart.  Narrow dense rows are taken
// several at a time as one wide row, and the wide row is folded at the end: so a plain sum runs at full speed.
void sum_columns(const real* x, std::int64_t rows, std::int64_t stride, std::int64_t width, double* y) {
  double acc[kColumns] = {};
  const std::int64_t together = stride == width ? max64(1, kTile * kLanes / width) : 1;
  const std::int64_t wide_rows = rows / together;
  add_rows(x, wide_rows, stride * together, width * together, acc);
  for (std::int64_t i = 0; i < width; ++i) {
    double s = 0;
    for (std::int64_t m = 0; m < together; ++m) s += acc[m * width + i];
    for (std::int64_t k = wide_rows * together; k < rows; ++k) s += static_cast<double>(x[k * stride + i]);
    y[i] = s;
  }
}

}  // namespace

void sum(const real* x, real scale, real* y, Rows r) {
  if (r.outer == 0 || r.inner == 0) return;
  // A job is one outer index, one stretch of the summed axis and one stretch of columns.
  const std::int64_t column_parts = (r.inner + kColumns - 1) / kColumns;
  const std::int64_t least = max64(1, kGrain / min64(r.inner, kColumns));
  const std::int64_t grain = max64(least, (r.length + kPieces - 1) / kPieces);
  const std::int64_t parts = max64(1, (r.length + grain - 1) / grain);
  const Scratch<double> partial(r.outer * parts * r.inner);
  const std::int64_t job_size = max64(1, min64(r.length, grain) * min64(r.inner, kColumns));
  parallel_for(r.outer * parts * column_parts, max64(1, kGrain / job_size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t column = job % column_parts * kColumns, part = job / column_parts % parts;
      const std::int64_t o = job / column_parts / parts, first = part * grain;
      sum_columns(x + (o * r.length + first) * r.inner + column, min64(grain, r.length - first), r.inner,
                  min64(kColumns, r.inner - column), partial.data() + (o * parts + part) * r.inner + column);
    }
  });
  parallel_for(r.outer * r.inner, max64(1, kGrain / parts), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const double* p = partial.data() + at / r.inner * parts * r.inner + at % r.inner;
      double s = 0;
      for (std::int64_t part = 0; part < parts; ++part) s += p[part * r.inner];
      y[at] = static_cast<real>(s * static_cast<double>(scale));
    }
  });
}

void max_index(const real* x, real* index, Rows r) {
  if (r.length == 0) return;
  const std::int64_t column_parts = (r.inner + kColumns - 1) / kColumns;
  const std::int64_t job_size = max64(1, r.length * min64(r.inner, kColumns));
  parallel_for(r.outer * column_parts, max64(1, kGrain / job_size), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t o = job / column_parts, column = job % column_parts * kColumns;
      const std::int64_t width = min64(kColumns, r.inner - column);
      const real* p = x + o * r.length * r.inner + column;
      real* winner = index + o * r.inner + column;
      real best[kColumns];
      for (std::int64_t i = 0; i < width; ++i) {
        best[i] = p[i];
        winner[i] = 0;
      }
      for (std::int64_t k = 1; k < r.length; ++k)
        for (std::int64_t i = 0; i < width; ++i) {
          const real value = p[k * r.inner + i];
          winner[i] = value > best[i] ? static_cast<real>(k) : winner[i];
          best[i] = value > best[i] ? value : best[i];
        }
    }
  });
}

void inner_product(const PairSpan* spans, std::int64_t count, real* y) {
  double total = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const PairSpan s = spans[k];
    const std::int64_t grain = max64(kGrain, (s.n + kPieces - 1) / kPieces);
    double partial[kPieces];
    parallel_for(s.n, grain, [&](std::int64_t begin, std::int64_t end) {
      double sums[8] = {};  // eight, to hide the additions' latency
      std::int64_t i = begin;
      for (; i + 8 <= end; i += 8)
        for (int lane = 0; lane < 8; ++lane)
          sums[lane] += static_cast<double>(s.a[i + lane]) * static_cast<double>(s.b[i + lane]);
      for (; i < end; ++i) sums[0] += static_cast<double>(s.a[i]) * static_cast<double>(s.b[i]);
      partial[begin / grain] =
          ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    });
    for (std::int64_t part = 0; part * grain < s.n; ++part) total += partial[part];
  }
  y[0] = static_cast<real>(total);
  y[1] = y[0] - y[0] == 0 ? static_cast<real>(total - static_cast<double>(y[0])) : real(0);
}

void combination(const real* const* x, const double* weights, std::int64_t count, real* y, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double sum = 0;
      for (std::int64_t t = 0; t < count; ++t) sum += weights[t] * static_cast<double>(x[t][i]);
      y[i] = static_cast<real>(sum);
    }
  });
}

void count_nonfinite(const real* x, real* y, std::int64_t n) {
  const std::int64_t grain = max64(kGrain, (n + kPieces - 1) / kPieces);
  std::int64_t partial[kPieces];
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t count = 0;
    for (std::int64_t i = begin; i < end; ++i) count += x[i] - x[i] != 0;  // infinity - infinity is NaN
    partial[begin / grain] = count;
  });
  std::int64_t count = 0;
  for (std::int64_t part = 0; part * grain < n; ++part) count += partial[part];
  y[0] = static_cast<real>(count);
}

}  // namespace medusa::MEDUSA_CPU

// Loss kernels.  Sums run over fixed pieces, in `real` within a short block and in double across blocks.
#include <cmath>

#include "tensor/cpu/scratch.h"
#include "tensor/cpu/simd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kBlock = 256;
constexpr std::int64_t kMaxPieces = 64;
constexpr std::int64_t kPieceElements = 1 << 12;

double block_sum(const real* p, std::int64_t n) {
  Vec s{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) s += load(p + i);
  double total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += s[lane];
  for (; i < n; ++i) total += p[i];
  return total;
}

// Calls body(begin, end, sums) for fixed pieces of [0, n) with `count` doubles each, and adds these up in order.
template <class F>
void sum_pieces(std::int64_t n, std::int64_t least, std::int64_t count, double* total, const F& body) {
  for (std::int64_t k = 0; k < count; ++k) total[k] = 0;
  const std::int64_t grain = grain_for(n, kMaxPieces, max64(1, least)), pieces = (n + grain - 1) / grain;
  Scratch<double> partial(pieces * count);
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    double* sums = partial.data() + begin / grain * count;
    for (std::int64_t k = 0; k < count; ++k) sums[k] = 0;
    body(begin, end, sums);
  });
  for (std::int64_t p = 0; p < pieces; ++p)
    for (std::int64_t k = 0; k < count; ++k) total[k] += partial[p * count + k];
}

// The mask of elements [begin, begin + n), each value of m standing for `channels` elements.
void expand_mask(const real* m, std::int64_t begin, std::int64_t n, std::int64_t channels, real* to) {
  std::int64_t row = begin / channels, c = begin % channels;
  for (std::int64_t i = 0; i < n; ++i) {
    to[i] = m[row];
    if (++c == channels) c = 0, ++row;
  }
}

// ---- pointwise losses: f(n, x, t, y) writes a block of values ---------------------------------------------------
// `flatten` takes the functions of tensor/math.h in whole, for this instruction set (see simd.h).

template <class L>
__attribute__((flatten)) void values(real a, const real* x, const real* t, real* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = L::f(x[i], t[i], a);
}

template <class L>
__attribute__((flatten)) void slopes(real a, const real* x, const real* t, real* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = L::df(x[i], t[i], a);
}

using Block = void (*)(real, const real*, const real*, real*, std::int64_t);

Block value_block(PointwiseLoss op) {
  switch (op) {
#define X(Name) \
  case PointwiseLoss::Name: return values<Name>;
    MEDUSA_POINTWISE_LOSSES(X)
#undef X
  }
  return nullptr;
}

Block slope_block(PointwiseLoss op) {
  switch (op) {
#define X(Name) \
  case PointwiseLoss::Name: return slopes<Name>;
    MEDUSA_POINTWISE_LOSSES(X)
#undef X
  }
  return nullptr;
}

// ---- cross-entropy ----------------------------------------------------------------------------------------------

// What a row counts for: its label (or -1 where the row does not count), and its mask value.
struct Row {
  std::int64_t label;
  real mask;
};

Row row_of(const real* label, const real* m, std::int64_t ignore, std::int64_t i) {
  const real mask = m != nullptr ? m[i] : real(1);
  const std::int64_t k = static_cast<std::int64_t>(label[i]);
  return {k == ignore || mask == 0 ? -1 : k, mask};
}

real weight_of(const real* weight, std::int64_t k) { return weight != nullptr ? weight[k] : real(1); }

// Largest logit and log of the sum of exponentials relative to it: log p_k = x_k - max - log_sum.
struct LogSum {
  real max, log_sum;
};

LogSum log_sum_exp(const real* x, std::int64_t classes) {
  real max = x[0], sum = 0;
  for (std::int64_t k = 1; k < classes; ++k) max = x[k] > max ? x[k] : max;
  for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(x[k] - max);
  return {max, std::log(sum)};
}

// ---- Dice -------------------------------------------------------------------------------------------------------

// Adds sum m p t, sum m p, sum m t of rows [begin, end) of one channel per lane; a place with m = 0 does not count.
void dice_rows(const real* p, const real* t, const real* m, std::int64_t rows, std::int64_t channels, double* sums) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const double mask = m != nullptr ? m[r] : real(1);
    if (mask == 0) continue;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double pv = p[r * channels + c], tv = t[r * channels + c];
      sums[c] += mask * pv * tv;
      sums[channels + c] += mask * pv;
      sums[2 * channels + c] += mask * tv;
    }
  }
}

// The same for one channel, where the loop above would wait for every single addition.
void dice_column(const real* p, const real* t, const real* m, std::int64_t n, double* sums) {
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t end = min64(n, start + kBlock);
    Vec a{}, b{}, c{};
    std::int64_t i = start;
    for (; i + kLanes <= end; i += kLanes) {
      Vec pv = load(p + i), tv = load(t + i), mask = broadcast(1);
      if (m != nullptr) {
        mask = load(m + i);
        pv = mask != Vec{} ? pv : Vec{};
        tv = mask != Vec{} ? tv : Vec{};
      }
      a += mask * pv * tv;
      b += mask * pv;
      c += mask * tv;
    }
    for (int lane = 0; lane < kLanes; ++lane) sums[0] += a[lane], sums[1] += b[lane], sums[2] += c[lane];
    dice_rows(p + i, t + i, m != nullptr ? m + i : nullptr, end - i, 1, sums);
  }
}

}  // namespace

void pointwise_loss(PointwiseLoss op, real a, const real* x, const real* t, const real* m, real* y, std::int64_t n,
                    std::int64_t channels) {
  const Block block = value_block(op);
  double total[2];
  sum_pieces(n, kPieceElements, 2, total, [&](std::int64_t begin, std::int64_t end, double* sums) {
    real f[kBlock], mask[kBlock];
    for (std::int64_t i = begin; i < end; i += kBlock) {
      const std::int64_t count = min64(kBlock, end - i);
      block(a, x + i, t + i, f, count);
      if (m != nullptr) {
        expand_mask(m, i, count, channels, mask);
        for (std::int64_t k = 0; k < count; ++k) f[k] = mask[k] != 0 ? mask[k] * f[k] : real(0);  // f may be NaN there
        sums[1] += block_sum(mask, count);
      } else {
        sums[1] += static_cast<double>(count);
      }
      sums[0] += block_sum(f, count);
    }
  });
  y[0] = static_cast<real>(total[0]);
  y[1] = static_cast<real>(total[1]);
}

void pointwise_loss_backward(PointwiseLoss op, real a, const real* x, const real* t, const real* m, const real* scale,
                             real* dx, std::int64_t n, std::int64_t channels) {
  const Block block = slope_block(op);
  const real s = scale[0];
  parallel_for(n, kPieceElements, [=](std::int64_t begin, std::int64_t end) {
    real mask[kBlock];
    for (std::int64_t i = begin; i < end; i += kBlock) {
      const std::int64_t count = min64(kBlock, end - i);
      real* to = dx + i;
      block(a, x + i, t + i, to, count);
      if (m != nullptr) {
        expand_mask(m, i, count, channels, mask);
        for (std::int64_t k = 0; k < count; ++k) to[k] = mask[k] != 0 ? s * mask[k] * to[k] : real(0);
      } else {
        for (std::int64_t k = 0; k < count; ++k) to[k] *= s;
      }
    }
  });
}

void cross_entropy(const real* x, const real* label, const real* weight, const real* m, std::int64_t ignore,
                   real smoothing, real* y, std::int64_t rows, std::int64_t classes) {
  double total[2];
  sum_pieces(rows, kPieceElements / max64(1, classes), 2, total,
             [&](std::int64_t begin, std::int64_t end, double* sums) {
               for (std::int64_t i = begin; i < end; ++i) {
                 const Row row = row_of(label, m, ignore, i);
                 if (row.label < 0 || row.label >= classes) continue;
                 const real* xi = x + i * classes;
                 const LogSum s = log_sum_exp(xi, classes);
                 const real w = weight_of(weight, row.label);
                 double loss = (1 - smoothing) * w * (s.log_sum - (xi[row.label] - s.max));
                 if (smoothing > 0) {
                   double all = 0;
                   for (std::int64_t k = 0; k < classes; ++k)
                     all += weight_of(weight, k) * (s.log_sum - (xi[k] - s.max));
                   loss += smoothing * all / static_cast<double>(classes);
                 }
                 sums[0] += row.mask * loss;
                 sums[1] += row.mask * w;
               }
             });
  y[0] = static_cast<real>(total[0]);
  y[1] = static_cast<real>(total[1]);
}

// d/dx_k of sum_j q_j (-log p_j) is p_k sum_j q_j - q_k, with q the smoothed and weighted target.
void cross_entropy_backward(const real* x, const real* label, const real* weight, const real* m, std::int64_t ignore,
                            real smoothing, const real* scale, real* dx, std::int64_t rows, std::int64_t classes) {
  real all = 0;
  for (std::int64_t k = 0; k < classes; ++k) all += weight_of(weight, k);
  const real spread = smoothing / static_cast<real>(classes), s = scale[0];
  parallel_for(rows, max64(1, kPieceElements / max64(1, classes)), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Row row = row_of(label, m, ignore, i);
      const real* xi = x + i * classes;
      real* to = dx + i * classes;
      if (row.label < 0 || row.label >= classes) {
        for (std::int64_t k = 0; k < classes; ++k) to[k] = 0;
        continue;
      }
      real max = xi[0], sum = 0;
      for (std::int64_t k = 1; k < classes; ++k) max = xi[k] > max ? xi[k] : max;
      for (std::int64_t k = 0; k < classes; ++k) sum += to[k] = std::exp(xi[k] - max);
      const real own = (1 - smoothing) * weight_of(weight, row.label), factor = s * row.mask;
      const real share = (own + spread * all) / sum;
      for (std::int64_t k = 0; k < classes; ++k)
        to[k] = factor * (share * to[k] - spread * weight_of(weight, k) - (k == row.label ? own : real(0)));
    }
  });
}

void dice_sums(const real* p, const real* t, const real* m, real* sums, std::int64_t n, std::int64_t space,
               std::int64_t channels) {
  const std::int64_t least = max64(1, kPieceElements / max64(1, channels));
  const std::int64_t pieces = max64(1, min64(max64(1, kMaxPieces / max64(1, n)), space / least));
  const std::int64_t rows = (space + pieces - 1) / pieces, count = 3 * channels;
  Scratch<double> partial(n * pieces * count);
  parallel_for(n * pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      double* to = partial.data() + k * count;
      for (std::int64_t j = 0; j < count; ++j) to[j] = 0;
      const std::int64_t first = min64(space, k % pieces * rows), last = min64(space, first + rows),
                         row = k / pieces * space + first;
      const real* mask = m != nullptr ? m + row : nullptr;
      if (channels == 1)
        dice_column(p + row, t + row, mask, last - first, to);
      else
        dice_rows(p + row * channels, t + row * channels, mask, last - first, channels, to);
    }
  });
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t s = 0; s < 3; ++s) {
        double total = 0;
        for (std::int64_t piece = 0; piece < pieces; ++piece)
          total += partial[(i * pieces + piece) * count + s * channels + c];
        sums[(i * channels + c) * 3 + s] = static_cast<real>(total);
      }
}

void dice_backward(const real* t, const real* m, const real* dsums, real* dp, std::int64_t n, std::int64_t space,
                   std::int64_t channels) {
  parallel_for(n * space, max64(1, kPieceElements / max64(1, channels)), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const real* d = dsums + row / space * channels * 3;
      const real mask = m != nullptr ? m[row] : real(1);
      for (std::int64_t c = 0; c < channels; ++c) {
        const real v = mask * (t[row * channels + c] * d[3 * c] + d[3 * c + 1]);
        dp[row * channels + c] = mask != 0 ? v : real(0);
      }
    }
  });
}

void mean_of_sums(const real* sums, real* y) { y[0] = sums[1] != 0 ? sums[0] / sums[1] : real(0); }

void mean_of_sums_backward(const real* sums, const real* dy, real* scale) {
  scale[0] = sums[1] != 0 ? dy[0] / sums[1] : real(0);
}

void dice_ratio(const real* sums, real smooth, real* y, std::int64_t n) {
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double both = sums[3 * i], p = sums[3 * i + 1], t = sums[3 * i + 2];
    total += (2 * both + smooth) / (p + t + smooth);
  }
  y[0] = static_cast<real>(n > 0 ? 1 - total / static_cast<double>(n) : 0);
}

void dice_ratio_backward(const real* sums, real smooth, const real* dy, real* dsums, std::int64_t n) {
  const double each = -static_cast<double>(dy[0]) / static_cast<double>(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const double both = sums[3 * i], p = sums[3 * i + 1], t = sums[3 * i + 2], size = p + t + smooth;
    const double by_size = -each * (2 * both + smooth) / (size * size);
    dsums[3 * i] = static_cast<real>(each * 2 / size);
    dsums[3 * i + 1] = dsums[3 * i + 2] = static_cast<real>(by_size);
  }
}

void one_hot(const real* label, real* y, std::int64_t rows, std::int64_t classes) {
  parallel_for(rows, max64(1, kPieceElements / max64(1, classes)), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t k = 0; k < classes; ++k)
        y[i * classes + k] = label[i] == static_cast<real>(k) ? real(1) : real(0);
  });
}

}  // namespace medusa::MEDUSA_CPU

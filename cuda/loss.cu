// Losses: sums over all elements or rows, and gradients with a thread per element or row.
#include <cmath>

#include "cuda/reduce.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

// ---- pointwise losses -----------------------------------------------------------------------------------------------

template <class L, class Index>
struct ReadLoss {
  real a;
  const real *x, *t, *m;
  FastDivmod<Index> channels;
  __device__ Sums<2> operator()(std::int64_t, Stretch s, std::int64_t) const {
    real loss = 0, weight = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step()) {
      const real mask = m != nullptr ? m[channels(static_cast<Index>(k)).quotient] : real(1);
      if (mask != 0) loss += mask * L::f(x[k], t[k], a);  // f may be NaN where the mask is 0
      weight += mask;
    }
    return {{static_cast<double>(loss), static_cast<double>(weight)}};
  }
};
struct WritePair {
  real* y;
  __device__ void operator()(std::int64_t, std::int64_t, const Sums<2>& s) const {
    y[0] = static_cast<real>(s.v[0]);
    y[1] = static_cast<real>(s.v[1]);
  }
};

template <class L, class Index>
__global__ void pointwise_backward_kernel(real a, const real* x, const real* t, const real* m, const real* scale,
                                          real* dx, std::int64_t n, FastDivmod<Index> channels) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const real mask = m != nullptr ? m[channels(static_cast<Index>(i)).quotient] : real(1);
    dx[i] = mask != 0 ? scale[0] * mask * L::df(x[i], t[i], a) : real(0);
  }
}

// ---- cross-entropy --------------------------------------------------------------------------------------------------

// A GPU cannot throw: a label that is not a class makes the result NaN, which shows in the loss.
constexpr std::int64_t kNotCounted = -1, kNoClass = -2;
__device__ bool is_class(real label, std::int64_t classes) {
  return label >= 0 && label < static_cast<real>(classes) && label == std::floor(label);
}
__device__ double not_a_number() { return ::nan(""); }

struct Labels {
  const real *label, *weight, *m;
  std::int64_t ignore, classes;

  __device__ real mask(std::int64_t row) const { return m != nullptr ? m[row] : real(1); }
  __device__ real weight_of(std::int64_t k) const { return weight != nullptr ? weight[k] : real(1); }
  // The row's class, or kNotCounted or kNoClass.
  __device__ std::int64_t class_of(std::int64_t row) const {
    const real l = label[row];
    if (l == static_cast<real>(ignore)) return kNotCounted;
    if (!is_class(l, classes)) return kNoClass;
    return mask(row) == 0 ? kNotCounted : static_cast<std::int64_t>(l);
  }
};

// log p_k = x_k - max - log(sum)
struct Exponentials {
  real max, sum;
  __device__ Exponentials(const real* x, std::int64_t classes) : max(x[0]), sum(0) {
    for (std::int64_t k = 1; k < classes; ++k) max = x[k] > max ? x[k] : max;
    for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(x[k] - max);
  }
};

struct ReadCrossEntropy {
  const real* x;
  Labels labels;
  real smoothing;
  __device__ Sums<2> operator()(std::int64_t, Stretch s, std::int64_t) const {
    Sums<2> total{};
    for (std::int64_t row = s.first; row < s.last; row += s.step()) {
      const std::int64_t own = labels.class_of(row);
      if (own == kNoClass) total.v[0] = total.v[1] = not_a_number();
      if (own < 0) continue;
      const real* p = x + row * labels.classes;
      const Exponentials e(p, labels.classes);
      const real log_sum = std::log(e.sum), w = labels.weight_of(own);
      double loss = static_cast<double>((1 - smoothing) * w * (log_sum - (p[own] - e.max)));
      if (smoothing > 0) {
        double all = 0;
        for (std::int64_t k = 0; k < labels.classes; ++k)
          all += static_cast<double>(labels.weight_of(k) * (log_sum - (p[k] - e.max)));
        loss += static_cast<double>(smoothing) * all / static_cast<double>(labels.classes);
      }
      const double mask = static_cast<double>(labels.mask(row));
      total.v[0] += mask * loss;
      total.v[1] += mask * static_cast<double>(w);
    }
    return total;
  }
};

// d/dx_k of sum_j q_j (-log p_j) is p_k sum_j q_j - q_k, with q the smoothed and weighted target.
__global__ void cross_entropy_backward_kernel(const real* x, Labels labels, real smoothing, const real* scale, real* dx,
                                              std::int64_t rows) {
  const std::int64_t classes = labels.classes;
  const real spread = smoothing / static_cast<real>(classes);
#pragma unroll 1
  for (std::int64_t row = first_index(); row < rows; row += index_step()) {
    const real* p = x + row * classes;
    real* to = dx + row * classes;
    const std::int64_t own = labels.class_of(row);
    if (own < 0) {
      const real same = own == kNoClass ? static_cast<real>(not_a_number()) : real(0);
      for (std::int64_t k = 0; k < classes; ++k) to[k] = same;
      continue;
    }
    real all = 0;
    for (std::int64_t k = 0; k < classes; ++k) all += labels.weight_of(k);
    const Exponentials e(p, classes);
    const real target = (1 - smoothing) * labels.weight_of(own), factor = scale[0] * labels.mask(row);
    const real share = (target + spread * all) / e.sum;
    for (std::int64_t k = 0; k < classes; ++k)
      to[k] = factor * (share * std::exp(p[k] - e.max) - spread * labels.weight_of(k) - (k == own ? target : real(0)));
  }
}

// ---- Dice -----------------------------------------------------------------------------------------------------------

struct ReadDice {
  const real *p, *t, *m;
  std::int64_t space, channels;
  __device__ Sums<3> operator()(std::int64_t o, Stretch s, std::int64_t c) const {
    real both = 0, predicted = 0, target = 0;
    for (std::int64_t k = s.first; k < s.last; k += s.step()) {
      const std::int64_t row = o * space + k, at = row * channels + c;
      const real mask = m != nullptr ? m[row] : real(1);
      if (mask == 0) continue;  // p may be NaN there
      both += mask * p[at] * t[at];
      predicted += mask * p[at];
      target += mask * t[at];
    }
    return {{static_cast<double>(both), static_cast<double>(predicted), static_cast<double>(target)}};
  }
};
struct WriteDice {
  real* sums;
  std::int64_t channels;
  __device__ void operator()(std::int64_t o, std::int64_t c, const Sums<3>& s) const {
    for (int k = 0; k < 3; ++k) sums[(o * channels + c) * 3 + k] = static_cast<real>(s.v[k]);
  }
};

template <class Index>
__global__ void dice_backward_kernel(const real* t, const real* m, const real* dsums, real* dp, FastDivmod<Index> space,
                                     FastDivmod<Index> channels, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    const auto [row, c] = channels(static_cast<Index>(at));
    const real* d = dsums + (space(row).quotient * channels.divisor() + c) * std::int64_t{3};
    const real mask = m != nullptr ? m[row] : real(1);
    dp[at] = mask != 0 ? mask * (t[at] * d[0] + d[1]) : real(0);
  }
}

struct ReadRatio {
  const real* sums;
  double smooth;
  __device__ Sums<1> operator()(std::int64_t, Stretch s, std::int64_t) const {
    double total = 0;
    for (std::int64_t i = s.first; i < s.last; i += s.step())
      total += (2 * static_cast<double>(sums[3 * i]) + smooth) /
               (static_cast<double>(sums[3 * i + 1]) + static_cast<double>(sums[3 * i + 2]) + smooth);
    return {{total}};
  }
};
struct WriteRatio {
  real* y;
  std::int64_t n;
  __device__ void operator()(std::int64_t, std::int64_t, const Sums<1>& s) const {
    y[0] = static_cast<real>(n > 0 ? 1 - s.v[0] / static_cast<double>(n) : 0);
  }
};

__global__ void dice_ratio_backward_kernel(const real* sums, double smooth, const real* dy, real* dsums,
                                           std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const double each = -static_cast<double>(dy[0]) / static_cast<double>(n);
    const double both = static_cast<double>(sums[3 * i]);
    const double size = static_cast<double>(sums[3 * i + 1]) + static_cast<double>(sums[3 * i + 2]) + smooth;
    dsums[3 * i] = static_cast<real>(each * 2 / size);
    dsums[3 * i + 1] = dsums[3 * i + 2] = static_cast<real>(-each * (2 * both + smooth) / (size * size));
  }
}

// ---- numbers and labels ---------------------------------------------------------------------------------------------

__global__ void quotient_kernel(const real* above, const real* sums, real* y) {
  if (first_index() == 0) y[0] = sums[1] != 0 ? above[0] / sums[1] : real(0);
}

template <class Index>
__global__ void one_hot_kernel(const real* label, real* y, std::int64_t n, FastDivmod<Index> classes) {
#pragma unroll 1
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    const auto [row, k] = classes(static_cast<Index>(at));
    const real l = label[row], hot = l == static_cast<real>(k) ? real(1) : real(0);
    y[at] = is_class(l, classes.divisor()) ? hot : static_cast<real>(not_a_number());
  }
}

}  // namespace

void pointwise_loss(PointwiseLoss op, real a, const real* x, const real* t, const real* m, real* y, std::int64_t n,
                    std::int64_t channels) {
  with_index({n}, [&]<class Index>() {
    const FastDivmod<Index> divmod(channels);
    switch (op) {
#define X(Name)             \
  case PointwiseLoss::Name: \
    return reduce<Sums<2>>(#Name, Rows{1, n, 1}, ReadLoss<Name, Index>{a, x, t, m, divmod}, WritePair{y});
      MEDUSA_POINTWISE_LOSSES(X)
#undef X
    }
  });
}

void pointwise_loss_backward(PointwiseLoss op, real a, const real* x, const real* t, const real* m, const real* scale,
                             real* dx, std::int64_t n, std::int64_t channels) {
  with_index({n}, [&]<class Index>() {
    const FastDivmod<Index> divmod(channels);
    switch (op) {
#define X(Name)             \
  case PointwiseLoss::Name: \
    return launch(#Name, blocks_for(n), pointwise_backward_kernel<Name, Index>, a, x, t, m, scale, dx, n, divmod);
      MEDUSA_POINTWISE_LOSSES(X)
#undef X
    }
  });
}

void cross_entropy(const real* x, const real* label, const real* weight, const real* m, std::int64_t ignore,
                   real smoothing, real* y, std::int64_t rows, std::int64_t classes) {
  reduce<Sums<2>>("cross_entropy", Rows{1, rows, 1},
                  ReadCrossEntropy{x, Labels{label, weight, m, ignore, classes}, smoothing}, WritePair{y});
}

void cross_entropy_backward(const real* x, const real* label, const real* weight, const real* m, std::int64_t ignore,
                            real smoothing, const real* scale, real* dx, std::int64_t rows, std::int64_t classes) {
  launch("cross_entropy_backward", blocks_for(rows), cross_entropy_backward_kernel, x,
         Labels{label, weight, m, ignore, classes}, smoothing, scale, dx, rows);
}

void dice_sums(const real* p, const real* t, const real* m, real* sums, std::int64_t n, std::int64_t space,
               std::int64_t channels) {
  reduce<Sums<3>>("dice_sums", Rows{n, space, channels}, ReadDice{p, t, m, space, channels}, WriteDice{sums, channels});
}

void dice_backward(const real* t, const real* m, const real* dsums, real* dp, std::int64_t n, std::int64_t space,
                   std::int64_t channels) {
  const std::int64_t all = n * space * channels;
  with_index({all}, [&]<class Index>() {
    launch("dice_backward", blocks_for(all), dice_backward_kernel<Index>, t, m, dsums, dp, FastDivmod<Index>(space),
           FastDivmod<Index>(channels), all);
  });
}

void dice_ratio(const real* sums, real smooth, real* y, std::int64_t n) {
  reduce<Sums<1>>("dice_ratio", Rows{1, n, 1}, ReadRatio{sums, static_cast<double>(smooth)}, WriteRatio{y, n});
}

void dice_ratio_backward(const real* sums, real smooth, const real* dy, real* dsums, std::int64_t n) {
  launch("dice_ratio_backward", blocks_for(n), dice_ratio_backward_kernel, sums, static_cast<double>(smooth), dy, dsums,
         n);
}

void mean_of_sums(const real* sums, real* y) { launch("mean_of_sums", 1, quotient_kernel, sums, sums, y); }

void mean_of_sums_backward(const real* sums, const real* dy, real* scale) {
  launch("mean_of_sums_backward", 1, quotient_kernel, dy, sums, scale);
}

void one_hot(const real* label, real* y, std::int64_t rows, std::int64_t classes) {
  const std::int64_t n = rows * classes;
  with_index({n}, [&]<class Index>() {
    launch("one_hot", blocks_for(n), one_hot_kernel<Index>, label, y, n, FastDivmod<Index>(classes));
  });
}

}  // namespace medusa::cuda

// Normalisation: statistics in one pass, then one pass that applies them; the same backwards.
#include <cmath>

#include "cuda/reduce.cuh"
#include "tensor/kernels.h"

namespace medusa::cuda {

namespace {

// Number, mean and sum of squared deviations of some values.
struct Moments {
  double count, mean, squares;
  // Chan, Golub, LeVeque 1979, eq. 2.1: nothing cancels, even where the mean is far larger than the deviation.
  __device__ void merge(const Moments& other) {
    if (other.count == 0) return;
    const double all = count + other.count, delta = other.mean - mean, share = other.count / all;
    squares += other.squares + delta * delta * count * share;
    mean += delta * share;
    count = all;
  }
};

// Reads the values of group i of matrix o: element e of the group's length x inner.
struct ReadMoments {
  const real* x;
  NormGeometry g;
  __device__ std::int64_t place(std::int64_t o, std::int64_t e, std::int64_t i) const {
    return ((o * g.length + e / g.inner) * g.groups + i) * g.inner + e % g.inner;
  }
  __device__ Moments operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    if (s.first >= s.last) return {};
    const std::int64_t count = (s.last - s.first + s.step - 1) / s.step;
    real total = 0, left = 0, squares = 0;
    for (std::int64_t e = s.first; e < s.last; e += s.step) total += x[place(o, e, i)];
    const real mean = total / static_cast<real>(count);
    for (std::int64_t e = s.first; e < s.last; e += s.step) {  // again, from the cache
      const real d = x[place(o, e, i)] - mean;
      left += d;  // what rounding left in the mean
      squares += d * d;
    }
    const double n = static_cast<double>(count), correction = static_cast<double>(left) / n;
    return {n, static_cast<double>(mean) + correction, static_cast<double>(squares) - n * correction * correction};
  }
};
struct WriteMoments {
  real *mean, *var;
  std::int64_t groups;
  __device__ void operator()(std::int64_t o, std::int64_t i, const Moments& m) const {
    mean[o * groups + i] = static_cast<real>(m.mean);
    var[o * groups + i] = static_cast<real>(m.squares > 0            ? m.squares / m.count
                                            : m.squares == m.squares ? 0
                                                                     : m.squares);
  }
};

// The normalisation of element `at`.
struct Norm {
  const real *x, *mean, *var, *gamma, *beta;
  real eps;
  bool relu;
  NormGeometry g;

  __device__ std::int64_t channel(std::int64_t at) const { return at % (g.groups * g.inner); }
  __device__ std::int64_t statistic(std::int64_t at) const {
    return at / (g.length * g.groups * g.inner) * g.groups + channel(at) / g.inner;
  }
  __device__ real inverse(std::int64_t k) const { return 1 / std::sqrt(var[k] + eps); }
  // (x - mean) a + beta
  __device__ real value(std::int64_t at, std::int64_t c, std::int64_t k) const {
    return (x[at] - mean[k]) * (gamma[c] * inverse(k)) + beta[c];
  }
  // dy, or 0 where the ReLU cut off y.
  __device__ real gradient(const real* dy, std::int64_t at, std::int64_t c, std::int64_t k) const {
    return relu && value(at, c, k) <= 0 ? real(0) : dy[at];
  }
};

__global__ void norm_apply_kernel(Norm norm, real* y, std::int64_t n) {
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    const real v = norm.value(at, norm.channel(at), norm.statistic(at));
    y[at] = norm.relu && v < 0 ? real(0) : v;
  }
}

__global__ void move_averages_kernel(real* mean, real* var, const real* batch_mean, const real* batch_var, real keep,
                                     real mean_share, real var_share, std::int64_t n) {
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    mean[i] = mean[i] * keep + mean_share * batch_mean[i];
    var[i] = var[i] * keep + var_share * batch_var[i];
  }
}

// ---- backward -------------------------------------------------------------------------------------------------------
// dx = a dy + (x - mean) slope + shift,  a = gamma inv,  shift = -inv mean(gamma dy),  slope = -inv^2 mean(gamma dy
// xhat)

// Slope and shift of a statistic from the sums of gamma dy and gamma dy xhat over its `count` elements.
struct Coefficients {
  double *slope, *shift;  // null: the statistics were given, dx = a dy
  double count;
  __device__ void write(std::int64_t k, double inverse, double sum, double product) const {
    if (slope == nullptr) return;
    shift[k] = -inverse * sum / count;
    slope[k] = -inverse * inverse * product / count;
  }
};

// Sums of dy and dy xhat of channel c, down all rows of all matrices.
struct ReadChannel {
  Norm norm;
  const real* dy;
  __device__ Sums<2> operator()(std::int64_t, Stretch s, std::int64_t c) const {
    real sum = 0, product = 0;
    for (std::int64_t row = s.first; row < s.last; row += s.step) {
      const std::int64_t at = row * norm.g.groups * norm.g.inner + c;
      const std::int64_t k = row / norm.g.length * norm.g.groups + c / norm.g.inner;
      const real d = norm.gradient(dy, at, c, k);
      sum += d;
      product += d * ((norm.x[at] - norm.mean[k]) * norm.inverse(k));
    }
    return {{static_cast<double>(sum), static_cast<double>(product)}};
  }
};
struct WriteChannel {
  Norm norm;
  real *dgamma, *dbeta;
  Coefficients to;  // where a channel is a statistic of its own
  __device__ void operator()(std::int64_t, std::int64_t c, const Sums<2>& s) const {
    dbeta[c] = static_cast<real>(s.v[0]);
    dgamma[c] = static_cast<real>(s.v[1]);
    const double gamma = static_cast<double>(norm.gamma[c]);
    if (to.slope != nullptr) to.write(c, static_cast<double>(norm.inverse(c)), gamma * s.v[0], gamma * s.v[1]);
  }
};

// Sums of gamma dy and gamma dy xhat over group i of matrix o.
struct ReadGroup {
  Norm norm;
  const real* dy;
  __device__ Sums<2> operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    const ReadMoments group{norm.x, norm.g};
    const std::int64_t k = o * norm.g.groups + i;
    real sum = 0, product = 0;
    for (std::int64_t e = s.first; e < s.last; e += s.step) {
      const std::int64_t at = group.place(o, e, i), c = i * norm.g.inner + e % norm.g.inner;
      const real d = norm.gamma[c] * norm.gradient(dy, at, c, k);
      sum += d;
      product += d * ((norm.x[at] - norm.mean[k]) * norm.inverse(k));
    }
    return {{static_cast<double>(sum), static_cast<double>(product)}};
  }
};
struct WriteGroup {
  Norm norm;
  Coefficients to;
  __device__ void operator()(std::int64_t o, std::int64_t i, const Sums<2>& s) const {
    const std::int64_t k = o * norm.g.groups + i;
    to.write(k, static_cast<double>(norm.inverse(k)), s.v[0], s.v[1]);
  }
};

__global__ void norm_dx_kernel(Norm norm, Coefficients from, const real* dy, real* dx, std::int64_t n) {
  for (std::int64_t at = first_index(); at < n; at += index_step()) {
    const std::int64_t c = norm.channel(at), k = norm.statistic(at);
    real d = norm.gradient(dy, at, c, k) * (norm.gamma[c] * norm.inverse(k));
    if (from.slope != nullptr)
      d += (norm.x[at] - norm.mean[k]) * static_cast<real>(from.slope[k]) + static_cast<real>(from.shift[k]);
    dx[at] = d;
  }
}

}  // namespace

void norm_stats(const real* x, real* mean, real* var, NormGeometry g) {
  if (g.numel() == 0) return;
  reduce<Moments>("norm_stats", Rows{g.outer, g.length * g.inner, g.groups}, ReadMoments{x, g},
                  WriteMoments{mean, var, g.groups});
}

void norm_apply(const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                bool relu, real* y, NormGeometry g) {
  const Norm norm{x, mean, var, gamma, beta, eps, relu, g};
  launch("norm_apply", blocks_for(g.numel()), norm_apply_kernel, norm, y, g.numel());
}

void move_averages(real* mean, real* var, const real* batch_mean, const real* batch_var, real keep, real mean_share,
                   real var_share, std::int64_t n) {
  launch("move_averages", blocks_for(n), move_averages_kernel, mean, var, batch_mean, batch_var, keep, mean_share,
         var_share, n);
}

void norm_backward(const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                   bool relu, bool batch_stats, const real* dy, real* dx, real* dgamma, real* dbeta, NormGeometry g) {
  if (g.numel() == 0) {
    fill(dgamma, 0, g.channels());
    fill(dbeta, 0, g.channels());
    return;
  }
  const Norm norm{x, mean, var, gamma, beta, eps, relu, g};
  const Scratch<double> memory(2 * g.stats());
  Coefficients coefficients{nullptr, nullptr, static_cast<double>(g.length * g.inner)};
  if (batch_stats) coefficients.slope = memory.data(), coefficients.shift = memory.data() + g.stats();
  const bool by_channel = g.outer == 1 && g.inner == 1;  // batch norm: one pass over x and dy gives all sums
  const Coefficients none{nullptr, nullptr, 1};
  reduce<Sums<2>>("norm_backward", Rows{1, g.outer * g.length, g.channels()}, ReadChannel{norm, dy},
                  WriteChannel{norm, dgamma, dbeta, by_channel ? coefficients : none});
  if (batch_stats && !by_channel)
    reduce<Sums<2>>("norm_backward", Rows{g.outer, g.length * g.inner, g.groups}, ReadGroup{norm, dy},
                    WriteGroup{norm, coefficients});
  launch("norm_backward", blocks_for(g.numel()), norm_dx_kernel, norm, coefficients, dy, dx, g.numel());
}

}  // namespace medusa::cuda

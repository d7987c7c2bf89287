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

// Where the elements of [outer, length, groups, inner] are, and which channel and statistic an element has.
template <class Index>
struct Places {
  FastDivmod<Index> length, groups, inner, channels;

  explicit Places(const NormGeometry& g) : length(g.length), groups(g.groups), inner(g.inner), channels(g.channels()) {}
  // Element e of the length x inner elements of group i of matrix o.
  __device__ Index in_group(Index o, Index e, Index i) const {
    const auto [row, c] = inner(e);
    return ((o * length.divisor() + row) * groups.divisor() + i) * inner.divisor() + c;
  }
  __device__ Index statistic(Index row, Index c) const {
    return length(row).quotient * groups.divisor() + inner(c).quotient;
  }
};

// Reads the values of group i of matrix o: element e of the group's length x inner.
template <class Index>
struct ReadMoments {
  const real* x;
  Places<Index> places;
  __device__ real value(std::int64_t o, std::int64_t e, std::int64_t i) const {
    return x[places.in_group(static_cast<Index>(o), static_cast<Index>(e), static_cast<Index>(i))];
  }
  __device__ Moments operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    if (s.first >= s.last) return {};
    int count = 0;
    real total = 0, left = 0, squares = 0;
    for (std::int64_t e = s.first; e < s.last; e += s.step(), ++count) total += value(o, e, i);
    const real mean = total / static_cast<real>(count);
    for (std::int64_t e = s.first; e < s.last; e += s.step()) {  // again, from the cache
      const real d = value(o, e, i) - mean;
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

// y = (x - mean) a + b, with a = gamma inverse, where inverse = 1 / sqrt(var + eps).
struct Line {
  real mean, inverse, a, b;
  __device__ real operator()(real x) const { return (x - mean) * a + b; }
};
struct Norm {
  const real *x, *mean, *var, *gamma, *beta;
  real eps;
  bool relu;

  __device__ real inverse(std::int64_t k) const { return 1 / std::sqrt(var[k] + eps); }
  // For the elements of channel c and statistic k.
  __device__ Line line(std::int64_t c, std::int64_t k) const {
    const real inv = inverse(k);
    return {mean[k], inv, gamma[c] * inv, beta[c]};
  }
  // dy, or 0 where the ReLU cut off y.
  __device__ real gradient(const Line& line, real v, real dy) const { return relu && line(v) <= 0 ? real(0) : dy; }
};

// y of N neighbouring channels at once.
template <class Index, int N>
__global__ void norm_apply_kernel(Norm norm, Places<Index> places, real* y, std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto [row, first] = places.channels(static_cast<Index>(i) * N);
    Pack<N> pack = pack_at<N>(norm.x + i * N);
    for (int k = 0; k < N; ++k) {
      const Index c = first + k;
      const real v = norm.line(c, places.statistic(row, c))(pack.v[k]);
      pack.v[k] = norm.relu && v < 0 ? real(0) : v;
    }
    pack_at<N>(y + i * N) = pack;
  }
}

__global__ void move_averages_kernel(real* mean, real* var, const real* batch_mean, const real* batch_var, real keep,
                                     real mean_share, real var_share, std::int64_t n) {
#pragma unroll 1
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
template <class Index>
struct ReadChannel {
  Norm norm;
  Places<Index> places;
  const real* dy;
  __device__ Sums<2> operator()(std::int64_t, Stretch s, std::int64_t c) const {
    real sum = 0, product = 0;
    for (std::int64_t row = s.first; row < s.last; row += s.step()) {
      const Index at = static_cast<Index>(row) * places.channels.divisor() + static_cast<Index>(c);
      const Index k = places.statistic(static_cast<Index>(row), static_cast<Index>(c));
      const Line line = norm.line(c, k);
      const real x = norm.x[at], d = norm.gradient(line, x, dy[at]);
      sum += d;
      product += d * ((x - line.mean) * line.inverse);
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
template <class Index>
struct ReadGroup {
  Norm norm;
  Places<Index> places;
  const real* dy;
  __device__ Sums<2> operator()(std::int64_t o, Stretch s, std::int64_t i) const {
    const std::int64_t k = o * places.groups.divisor() + i, first = i * places.inner.divisor();
    real sum = 0, product = 0;
    for (std::int64_t e = s.first; e < s.last; e += s.step()) {
      const Index at = places.in_group(static_cast<Index>(o), static_cast<Index>(e), static_cast<Index>(i));
      const std::int64_t c = first + places.inner(static_cast<Index>(e)).remainder;
      const Line line = norm.line(c, k);
      const real x = norm.x[at], d = norm.gamma[c] * norm.gradient(line, x, dy[at]);
      sum += d;
      product += d * ((x - line.mean) * line.inverse);
    }
    return {{static_cast<double>(sum), static_cast<double>(product)}};
  }
};
struct WriteGroup {
  Norm norm;
  std::int64_t groups;
  Coefficients to;
  __device__ void operator()(std::int64_t o, std::int64_t i, const Sums<2>& s) const {
    const std::int64_t k = o * groups + i;
    to.write(k, static_cast<double>(norm.inverse(k)), s.v[0], s.v[1]);
  }
};

// dx of N neighbouring channels at once.
template <class Index, int N>
__global__ void norm_dx_kernel(Norm norm, Places<Index> places, Coefficients from, const real* dy, real* dx,
                               std::int64_t n) {
#pragma unroll 1
  for (std::int64_t i = first_index(); i < n; i += index_step()) {
    const auto [row, first] = places.channels(static_cast<Index>(i) * N);
    const Pack<N> x = pack_at<N>(norm.x + i * N);
    Pack<N> pack = pack_at<N>(dy + i * N);
    for (int j = 0; j < N; ++j) {
      const Index c = first + j, k = places.statistic(row, c);
      const Line line = norm.line(c, k);
      real d = norm.gradient(line, x.v[j], pack.v[j]) * line.a;
      if (from.slope != nullptr)
        d += (x.v[j] - line.mean) * static_cast<real>(from.slope[k]) + static_cast<real>(from.shift[k]);
      pack.v[j] = d;
    }
    pack_at<N>(dx + i * N) = pack;
  }
}

}  // namespace

void norm_stats(const real* x, real* mean, real* var, NormGeometry g) {
  if (g.numel() == 0) return;
  with_index({g.numel()}, [&]<class Index>() {
    reduce<Moments>("norm_stats", Rows{g.outer, g.length * g.inner, g.groups}, ReadMoments<Index>{x, Places<Index>(g)},
                    WriteMoments{mean, var, g.groups});
  });
}

void norm_apply(const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                bool relu, real* y, NormGeometry g) {
  const Norm norm{x, mean, var, gamma, beta, eps, relu};
  const std::int64_t n = g.numel();
  with_index_and_pack({n}, in_packs({x, y}, {g.channels()}), [&]<class Index, int N>() {
    launch("norm_apply", blocks_for(n / N), norm_apply_kernel<Index, N>, norm, Places<Index>(g), y, n / N);
  });
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
  const Norm norm{x, mean, var, gamma, beta, eps, relu};
  const Scratch<double> memory(2 * g.stats());
  Coefficients coefficients{nullptr, nullptr, static_cast<double>(g.length * g.inner)};
  if (batch_stats) coefficients.slope = memory.data(), coefficients.shift = memory.data() + g.stats();
  const bool by_channel = g.outer == 1 && g.inner == 1;  // batch norm: one pass over x and dy gives all sums
  const Coefficients none{nullptr, nullptr, 1};
  const std::int64_t n = g.numel();
  with_index_and_pack({n}, in_packs({x, dy, dx}, {g.channels()}), [&]<class Index, int N>() {
    const Places<Index> places(g);
    reduce<Sums<2>>("norm_backward", Rows{1, g.outer * g.length, g.channels()}, ReadChannel<Index>{norm, places, dy},
                    WriteChannel{norm, dgamma, dbeta, by_channel ? coefficients : none});
    if (batch_stats && !by_channel)
      reduce<Sums<2>>("norm_backward", Rows{g.outer, g.length * g.inner, g.groups}, ReadGroup<Index>{norm, places, dy},
                      WriteGroup{norm, g.groups, coefficients});
    launch("norm_backward", blocks_for(n / N), norm_dx_kernel<Index, N>, norm, places, coefficients, dy, dx, n / N);
  });
}

}  // namespace medusa::cuda

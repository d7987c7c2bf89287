// Normalisation kernels.  Work goes down the columns of a [length, channels] matrix; memory speed is the limit.
// Where each statistic covers one contiguous piece (layer norm), work goes along the rows instead: see norm_rows.inc.
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/simd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kTile = 4;        // vectors of columns that are summed up together
constexpr std::int64_t kMaxPieces = 64;  // of one matrix, whose partial sums are added in order
constexpr std::int64_t kPieceElements = 1 << 14;

// A [length, channels] matrix seen as [rows, width]: enough rows side by side that `width` is whole vectors for any
// number of channels.  Column j belongs to channel j % channels; `rest` elements are left over at the end.
struct Fold {
  std::int64_t width, rows, rest, pieces, piece_rows, block_rows;

  explicit Fold(const NormGeometry& g) {
    const std::int64_t c = g.channels();
    std::int64_t joined = kLanes / min64(c & -c, kLanes);
    while (joined * c < kTile * kLanes) joined *= 2;
    width = joined * c;
    rows = g.length / joined;
    rest = (g.length - rows * joined) * c;
    const std::int64_t most = max64(1, kMaxPieces / max64(g.outer, 1));
    pieces = max64(1, min64(min64(most, rows), rows * width / kPieceElements));
    piece_rows = (rows + pieces - 1) / pieces;
    block_rows = max64(8, min64(128, 4096 / width));  // a block of rows stays in the first-level cache
  }
  std::int64_t begin(std::int64_t piece) const { return min64(rows, piece * piece_rows); }
  std::int64_t end(std::int64_t piece) const { return min64(rows, (piece + 1) * piece_rows); }
};

// Calls body(o, piece) for all pieces of all matrices.
template <class F>
void for_pieces(const NormGeometry& g, const Fold& f, const F& body) {
  const std::int64_t cost = max64(1, f.piece_rows * f.width + f.rest);
  parallel_for(g.outer * f.pieces, max64(1, kPieceElements / cost), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) body(k / f.pieces, k % f.pieces);
  });
}

// Calls body(j, channel, group) for the first n columns of a folded row.
template <class F>
void for_columns(const NormGeometry& g, std::int64_t n, const F& body) {
  for (std::int64_t j = 0; j < n;)
    for (std::int64_t group = 0, c = 0; group < g.groups; ++group)
      for (std::int64_t i = 0; i < g.inner; ++i) body(j++, c++, group);
}

bool along_rows(const NormGeometry& g) { return g.length == 1 && g.inner > 1; }

real inverse_deviation(real var, real eps) { return 1 / std::sqrt(var + eps); }

// ---- statistics -------------------------------------------------------------------------------------------------

// Adds a block of rows of V vectors to the running mean and sum of squared deviations of its columns, which already
// cover `seen` rows.  The block is read twice, the second time from cache: the mean comes first, so
// that nothing cancels even where the mean is far larger than the deviation  (Chan, Golub, LeVeque 1979, eq. 2.1).
template <int V>
void block_moments(const real* x, std::int64_t width, std::int64_t rows, std::int64_t seen, double* mean, double* m2) {
  Vec total[V] = {}, mu[V], off[V] = {}, square[V] = {};
  for (std::int64_t r = 0; r < rows; ++r)
    for (int v = 0; v < V; ++v) total[v] += load(x + r * width + v * kLanes);
  for (int v = 0; v < V; ++v) mu[v] = total[v] / static_cast<real>(rows);
  for (std::int64_t r = 0; r < rows; ++r)
    for (int v = 0; v < V; ++v) {
      const Vec d = load(x + r * width + v * kLanes) - mu[v];
      off[v] += d;  // what rounding left in mu
      square[v] += d * d;
    }
  const double n = static_cast<double>(rows), weight = n / (n + static_cast<double>(seen));
  real a[V * kLanes], b[V * kLanes], c[V * kLanes];
  for (int v = 0; v < V; ++v)
    store(a + v * kLanes, mu[v]), store(b + v * kLanes, off[v]), store(c + v * kLanes, square[v]);
  for (int j = 0; j < V * kLanes; ++j) {
    const double e = b[j] / n, delta = a[j] + e - mean[j];
    m2[j] += c[j] - n * e * e + delta * delta * static_cast<double>(seen) * weight;
    mean[j] += delta * weight;
  }
}

// Mean and sum of squared deviations of each column over the rows of one piece.
void piece_moments(const real* x, const Fold& f, std::int64_t piece, double* mean, double* m2) {
  for (std::int64_t j = 0; j < f.width; ++j) mean[j] = m2[j] = 0;
  const std::int64_t begin = f.begin(piece), end = f.end(piece);
  for (std::int64_t r = begin; r < end; r += f.block_rows) {
    const std::int64_t rows = min64(f.block_rows, end - r);
    const real* block = x + r * f.width;
    std::int64_t j = 0;
    for (; j + kTile * kLanes <= f.width; j += kTile * kLanes)
      block_moments<kTile>(block + j, f.width, rows, r - begin, mean + j, m2 + j);
    for (; j < f.width; j += kLanes) block_moments<1>(block + j, f.width, rows, r - begin, mean + j, m2 + j);
  }
}

// Joins the moments of the pieces (and the rest at the end of x) to mean and variance of each group.
void join_moments(const real* x, const double* moments, real* mean, real* var, const NormGeometry& g, const Fold& f) {
  Scratch<double> scratch(2 * g.groups);
  double *m = scratch.data(), *m2 = m + g.groups;
  for (std::int64_t k = 0; k < 2 * g.groups; ++k) m[k] = 0;
  const real* rest = x + f.rows * f.width;
  const double count = static_cast<double>(g.length * g.inner);

  for (std::int64_t p = 0; p < f.pieces; ++p) {
    const double rows = static_cast<double>(f.end(p) - f.begin(p));
    const double* piece = moments + 2 * p * f.width;
    for_columns(g, f.width, [&](std::int64_t j, std::int64_t, std::int64_t group) { m[group] += rows * piece[j]; });
  }
  for_columns(g, f.rest, [&](std::int64_t j, std::int64_t, std::int64_t group) { m[group] += rest[j]; });
  for (std::int64_t k = 0; k < g.groups; ++k) m[k] /= count;

  for (std::int64_t p = 0; p < f.pieces; ++p) {
    const double rows = static_cast<double>(f.end(p) - f.begin(p));
    const double *piece = moments + 2 * p * f.width, *squares = piece + f.width;
    for_columns(g, f.width, [&](std::int64_t j, std::int64_t, std::int64_t group) {
      m2[group] += squares[j] + rows * (piece[j] - m[group]) * (piece[j] - m[group]);
    });
  }
  for_columns(g, f.rest, [&](std::int64_t j, std::int64_t, std::int64_t group) {
    m2[group] += (rest[j] - m[group]) * (rest[j] - m[group]);
  });
  for (std::int64_t k = 0; k < g.groups; ++k) {
    mean[k] = static_cast<real>(m[k]);
    var[k] = static_cast<real>(m2[k] > 0 ? m2[k] / count : m2[k] == m2[k] ? 0 : m2[k]);  // NaN stays NaN
  }
}

// ---- applying ---------------------------------------------------------------------------------------------------

// y = (x - mean) a + b, then max(y, 0) where asked; NaN stays NaN.
template <class T>
inline __attribute__((always_inline)) T normalized(T x, T mean, T a, T b) {
  return (x - mean) * a + b;
}

template <bool relu>
void apply_span(const real* x, const real* mean, const real* a, const real* b, real* y, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const Vec v = normalized(load(x + j), load(mean + j), load(a + j), load(b + j));
    store(y + j, relu ? (v < Vec{} ? Vec{} : v) : v);
  }
  for (; j < n; ++j) {
    const real v = normalized(x[j], mean[j], a[j], b[j]);
    y[j] = relu && v < 0 ? real(0) : v;
  }
}

// ---- backward ---------------------------------------------------------------------------------------------------

// What the formulas need per folded column: y = (x - mean) a + beta, dx = a dy + (x - mean) slope + shift.
struct Columns {
  real *mean, *a, *beta, *slope, *shift;
  Columns(real* memory, std::int64_t width)
      : mean(memory),
        a(memory + width),
        beta(memory + 2 * width),
        slope(memory + 3 * width),
        shift(memory + 4 * width) {}
};

void fill_columns(const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                  const NormGeometry& g, std::int64_t width, const Columns& to) {
  for_columns(g, min64(width, g.channels()), [&](std::int64_t j, std::int64_t c, std::int64_t group) {
    to.mean[j] = mean[group];
    to.a[j] = gamma[c] * inverse_deviation(var[group], eps);
    to.beta[j] = beta[c];
  });
  for (std::int64_t j = g.channels(); j < width; ++j) {
    to.mean[j] = to.mean[j - g.channels()];
    to.a[j] = to.a[j - g.channels()];
    to.beta[j] = to.beta[j - g.channels()];
  }
}

// Adds sum dy and sum dy (x - mean) over a block of rows of V vectors.
template <int V, bool relu>
void block_sums(const real* x, const real* dy, std::int64_t width, std::int64_t rows, const Columns& k, std::int64_t j,
                double* sum_dy, double* sum_dyx) {
  Vec mean[V], a[V], beta[V], s[V] = {}, t[V] = {};
  for (int v = 0; v < V; ++v) {
    mean[v] = load(k.mean + j + v * kLanes);
    a[v] = load(k.a + j + v * kLanes);
    beta[v] = load(k.beta + j + v * kLanes);
  }
  for (std::int64_t r = 0; r < rows; ++r)
    for (int v = 0; v < V; ++v) {
      const Vec xv = load(x + r * width + j + v * kLanes);
      Vec d = load(dy + r * width + j + v * kLanes);
      if (relu) d = normalized(xv, mean[v], a[v], beta[v]) <= Vec{} ? Vec{} : d;
      s[v] += d;
      t[v] += d * (xv - mean[v]);
    }
  real sums[V * kLanes], products[V * kLanes];
  for (int v = 0; v < V; ++v) store(sums + v * kLanes, s[v]), store(products + v * kLanes, t[v]);
  for (int i = 0; i < V * kLanes; ++i) {
    sum_dy[j + i] += sums[i];
    sum_dyx[j + i] += products[i];
  }
}

template <bool relu>
void piece_sums(const real* x, const real* dy, const Fold& f, std::int64_t piece, const Columns& k, double* sum_dy,
                double* sum_dyx) {
  for (std::int64_t j = 0; j < f.width; ++j) sum_dy[j] = sum_dyx[j] = 0;
  const std::int64_t end = f.end(piece);
  for (std::int64_t r = f.begin(piece); r < end; r += f.block_rows) {
    const std::int64_t rows = min64(f.block_rows, end - r), at = r * f.width;
    std::int64_t j = 0;
    for (; j + kTile * kLanes <= f.width; j += kTile * kLanes)
      block_sums<kTile, relu>(x + at, dy + at, f.width, rows, k, j, sum_dy, sum_dyx);
    for (; j < f.width; j += kLanes) block_sums<1, relu>(x + at, dy + at, f.width, rows, k, j, sum_dy, sum_dyx);
  }
  if (piece + 1 < f.pieces) return;
  const std::int64_t at = f.rows * f.width;
  for (std::int64_t j = 0; j < f.rest; ++j) {
    const real xv = x[at + j];
    if (relu && normalized(xv, k.mean[j], k.a[j], k.beta[j]) <= 0) continue;
    sum_dy[j] += dy[at + j];
    sum_dyx[j] += static_cast<double>(dy[at + j]) * (xv - k.mean[j]);
  }
}

template <bool relu>
void dx_span(const real* x, const real* dy, const Columns& k, real* dx, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const Vec xv = load(x + j), mean = load(k.mean + j), a = load(k.a + j);
    Vec d = load(dy + j);
    if (relu) d = normalized(xv, mean, a, load(k.beta + j)) <= Vec{} ? Vec{} : d;
    store(dx + j, d * a + ((xv - mean) * load(k.slope + j) + load(k.shift + j)));
  }
  for (; j < n; ++j) {
    const bool passes = !relu || !(normalized(x[j], k.mean[j], k.a[j], k.beta[j]) <= 0);
    dx[j] = (passes ? dy[j] : real(0)) * k.a[j] + ((x[j] - k.mean[j]) * k.slope[j] + k.shift[j]);
  }
}

// Per channel of one matrix: sums[c] = sum dy, sums[channels + c] = sum dy xhat, from the sums of the pieces.
void join_sums(const double* partial, const real* var, real eps, const NormGeometry& g, const Fold& f, double* sums) {
  const std::int64_t channels = g.channels();
  for (std::int64_t c = 0; c < 2 * channels; ++c) sums[c] = 0;
  for (std::int64_t p = 0; p < f.pieces; ++p) {
    const double* piece = partial + 2 * p * f.width;
    for_columns(g, f.width, [&](std::int64_t j, std::int64_t c, std::int64_t) {
      sums[c] += piece[j];
      sums[channels + c] += piece[f.width + j];
    });
  }
  for (std::int64_t c = 0; c < channels; ++c) sums[channels + c] *= inverse_deviation(var[c / g.inner], eps);
}

// slope and shift of dx = a dy - (mean_g(gamma dy) + xhat mean_g(gamma dy xhat)) / deviation, for one matrix.
void dx_coefficients(const double* sums, const real* var, real eps, const real* gamma, const NormGeometry& g,
                     double* slope, double* shift) {
  const double count = static_cast<double>(g.length * g.inner);
  for (std::int64_t group = 0; group < g.groups; ++group) {
    double m1 = 0, m2 = 0;
    for (std::int64_t i = 0; i < g.inner; ++i) {
      const std::int64_t c = group * g.inner + i;
      m1 += gamma[c] * sums[c];
      m2 += gamma[c] * sums[g.channels() + c];
    }
    const double inverse = inverse_deviation(var[group], eps);
    shift[group] = -inverse * m1 / count;
    slope[group] = -inverse * inverse * m2 / count;
  }
}

}  // namespace

#include "tensor/cpu/norm_rows.inc"

void norm_stats(const real* x, real* mean, real* var, NormGeometry g) {
  if (g.numel() == 0) return;
  if (along_rows(g)) return row_stats(x, mean, var, g);
  const Fold f(g);
  const std::int64_t matrix = g.length * g.channels();
  Scratch<double> moments(g.outer * f.pieces * 2 * f.width);
  for_pieces(g, f, [&](std::int64_t o, std::int64_t p) {
    double* to = moments.data() + (o * f.pieces + p) * 2 * f.width;
    piece_moments(x + o * matrix, f, p, to, to + f.width);
  });
  parallel_for(g.outer, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o)
      join_moments(x + o * matrix, moments.data() + o * f.pieces * 2 * f.width, mean + o * g.groups, var + o * g.groups,
                   g, f);
  });
}

void norm_apply(const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                bool relu, real* y, NormGeometry g) {
  if (g.numel() == 0) return;
  if (along_rows(g)) return row_apply(x, mean, var, eps, gamma, beta, relu, y, g);
  const Fold f(g);
  const std::int64_t matrix = g.length * g.channels();
  for_pieces(g, f, [&](std::int64_t o, std::int64_t p) {
    Scratch<real> memory(5 * f.width);
    const Columns k(memory.data(), f.width);
    fill_columns(mean + o * g.groups, var + o * g.groups, eps, gamma, beta, g, f.width, k);
    const auto span = relu ? apply_span<true> : apply_span<false>;
    for (std::int64_t r = f.begin(p); r < f.end(p); ++r) {
      const std::int64_t at = o * matrix + r * f.width;
      span(x + at, k.mean, k.a, k.beta, y + at, f.width);
    }
    if (p + 1 < f.pieces) return;
    const std::int64_t at = o * matrix + f.rows * f.width;
    span(x + at, k.mean, k.a, k.beta, y + at, f.rest);
  });
}

void norm_backward(const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                   bool relu, bool batch_stats, const real* dy, real* dx, real* dgamma, real* dbeta, NormGeometry g) {
  const std::int64_t channels = g.channels();
  for (std::int64_t c = 0; c < channels; ++c) dgamma[c] = dbeta[c] = 0;
  if (g.numel() == 0) return;
  if (along_rows(g)) return row_backward(x, mean, var, eps, gamma, beta, relu, batch_stats, dy, dx, dgamma, dbeta, g);
  const Fold f(g);
  const std::int64_t matrix = g.length * channels, stride = 2 * (channels + g.groups);
  Scratch<double> partial(g.outer * f.pieces * 2 * f.width), sums(g.outer * stride);
  // First pass: the sums of every channel.
  for_pieces(g, f, [&](std::int64_t o, std::int64_t p) {
    Scratch<real> memory(5 * f.width);
    const Columns k(memory.data(), f.width);
    fill_columns(mean + o * g.groups, var + o * g.groups, eps, gamma, beta, g, f.width, k);
    double* to = partial.data() + (o * f.pieces + p) * 2 * f.width;
    const auto piece = relu ? piece_sums<true> : piece_sums<false>;
    piece(x + o * matrix, dy + o * matrix, f, p, k, to, to + f.width);
  });
  parallel_for(g.outer, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      double* to = sums.data() + o * stride;
      join_sums(partial.data() + o * f.pieces * 2 * f.width, var + o * g.groups, eps, g, f, to);
      dx_coefficients(to, var + o * g.groups, eps, gamma, g, to + 2 * channels, to + 2 * channels + g.groups);
    }
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    double shift = 0, scale = 0;
    for (std::int64_t o = 0; o < g.outer; ++o)
      shift += sums.data()[o * stride + c], scale += sums.data()[o * stride + channels + c];
    dbeta[c] = static_cast<real>(shift);
    dgamma[c] = static_cast<real>(scale);
  }
  // Second pass: dx.
  for_pieces(g, f, [&](std::int64_t o, std::int64_t p) {
    Scratch<real> memory(5 * f.width);
    const Columns k(memory.data(), f.width);
    fill_columns(mean + o * g.groups, var + o * g.groups, eps, gamma, beta, g, f.width, k);
    const double* coefficients = sums.data() + o * stride + 2 * channels;
    for_columns(g, f.width, [&](std::int64_t j, std::int64_t, std::int64_t group) {
      k.slope[j] = batch_stats ? static_cast<real>(coefficients[group]) : real(0);
      k.shift[j] = batch_stats ? static_cast<real>(coefficients[g.groups + group]) : real(0);
    });
    const auto span = relu ? dx_span<true> : dx_span<false>;
    for (std::int64_t r = f.begin(p); r < f.end(p); ++r) {
      const std::int64_t at = o * matrix + r * f.width;
      span(x + at, dy + at, k, dx + at, f.width);
    }
    if (p + 1 < f.pieces) return;
    const std::int64_t at = o * matrix + f.rows * f.width;
    span(x + at, dy + at, k, dx + at, f.rest);
  });
}

void move_averages(real* mean, real* var, const real* batch_mean, const real* batch_var, real keep, real mean_share,
                   real var_share, std::int64_t n) {
  unary(UnaryOp::MulScalar, keep, mean, mean, n);
  add_scaled(mean_share, batch_mean, mean, n);
  unary(UnaryOp::MulScalar, keep, var, var, n);
  add_scaled(var_share, batch_var, var, n);
}

}  // namespace medusa::MEDUSA_CPU

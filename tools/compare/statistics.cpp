#include "tools/compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "tensor/check.h"
#include "tensor/quantile.h"
#include "tensor/random.h"

namespace medusa::tools {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<std::size_t> cases_of(const Groups& groups, const std::vector<std::size_t>& chosen) {
  std::vector<std::size_t> cases;
  for (std::size_t g : chosen) cases.insert(cases.end(), groups[g].begin(), groups[g].end());
  return cases;
}

// The figures without one of the chosen groups each.
std::vector<double> without_one(const Figure& figure, const Groups& groups, const std::vector<std::size_t>& chosen) {
  std::vector<double> values;
  std::vector<std::size_t> others(chosen.begin() + 1, chosen.end());  // all but the first, then all but the second...
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    if (k > 0) others[k - 1] = chosen[k - 1];
    if (const double value = figure(cases_of(groups, others)); !std::isnan(value)) values.push_back(value);
  }
  return values;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The jackknife's standard error (Efron and Tibshirani 1993, eq. 11.5).
double standard_error(const std::vector<double>& without) {
  if (without.size() < 2) return 0;
  const double mean = mean_of(without), n = static_cast<double>(without.size());
  double squares = 0;
  for (double value : without) squares += (value - mean) * (value - mean);
  return std::sqrt((n - 1) / n * squares);
}

// How fast the figure's spread grows with the figure (eq. 14.15).
double acceleration(const std::vector<double>& without) {
  if (without.empty()) return 0;
  const double mean = mean_of(without);
  double squares = 0, cubes = 0;
  for (double value : without) {
    squares += (mean - value) * (mean - value);
    cubes += std::pow(mean - value, 3);
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

// Chapter 14.3: percentiles of the draws, moved by the bias of their median and by the acceleration.
Interval bias_corrected(std::vector<double> drawn, double found, double a, double level) {
  std::sort(drawn.begin(), drawn.end());
  if (drawn.front() == drawn.back()) return {drawn.front(), drawn.back()};
  // Ties count half: figures of few cases take few values.
  const auto below = std::lower_bound(drawn.begin(), drawn.end(), found) - drawn.begin();
  const auto up_to = std::upper_bound(drawn.begin(), drawn.end(), found) - drawn.begin();
  const double count = static_cast<double>(drawn.size()), edge = 0.5 / count;
  const double share = (static_cast<double>(below) + static_cast<double>(up_to)) / 2 / count;
  const double bias = normal_quantile(std::clamp(share, edge, 1 - edge));
  const auto corrected = [&](double p) {
    const double z = bias + normal_quantile(p);
    return normal_cdf(bias + z / (1 - a * z));
  };
  return {quantile(drawn, corrected((1 - level) / 2)), quantile(drawn, corrected((1 + level) / 2))};
}

// x with f(x) = p, f rising, between bounds that enclose it.
template <class F>
double invert(const F& f, double p) {
  double low = -1, high = 1;
  while (f(low) > p) low *= 2;
  while (f(high) < p) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-15 * std::max(std::fabs(low), std::fabs(high)); ++i) {
    const double middle = (low + high) / 2;
    (f(middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

Groups group_cases(const std::vector<std::string>& group_of_case) {
  Groups groups;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < group_of_case.size(); ++i) {
    const auto [at, added] = places.try_emplace(group_of_case[i], groups.size());
    if (added) groups.emplace_back();
    groups[at->second].push_back(i);
  }
  return groups;
}

Interval bootstrap_interval(const Figure& figure, const Groups& groups, std::uint64_t seed, double level, int draws) {
  constexpr std::size_t kFew = 60;
  if (groups.size() < 2) return {kNaN, kNaN};
  std::vector<std::size_t> chosen(groups.size());
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  const double found = figure(cases_of(groups, chosen));
  if (std::isnan(found)) return {kNaN, kNaN};
  const std::vector<double> without = without_one(figure, groups, chosen);
  const double error = standard_error(without);
  const bool studentised = groups.size() < kFew && error > 0;
  std::vector<double> drawn;
  Random random(seed);
  for (int i = 0; i < draws; ++i) {
    for (std::size_t& g : chosen) g = static_cast<std::size_t>(random.below(std::ssize(groups)));
    const double value = figure(cases_of(groups, chosen));
    if (std::isnan(value)) continue;
    if (!studentised)
      drawn.push_back(value);
    else if (const double own = standard_error(without_one(figure, groups, chosen)); own > 0)
      drawn.push_back((value - found) / own);
  }
  if (drawn.empty()) return {kNaN, kNaN};
  if (!studentised) return bias_corrected(std::move(drawn), found, acceleration(without), level);
  std::sort(drawn.begin(), drawn.end());
  return {found - quantile(drawn, (1 + level) / 2) * error, found - quantile(drawn, (1 - level) / 2) * error};
}

double permutation_p(const SwappedFigure& difference, const Groups& groups, std::size_t cases, std::uint64_t seed,
                     int draws) {
  std::vector<bool> swapped(cases, false);
  const double found = std::fabs(difference(swapped));
  if (std::isnan(found)) return kNaN;
  Random random(seed);
  int as_large = 0, counted = 0;
  for (int i = 0; i < draws; ++i) {
    for (const std::vector<std::size_t>& group : groups) {
      const bool swap = random.uniform() < 0.5;
      for (std::size_t place : group) swapped[place] = swap;
    }
    const double value = std::fabs(difference(swapped));
    if (std::isnan(value)) continue;
    ++counted;
    as_large += value >= found * (1 - 1e-12);  // sums in another order differ in the last bits
  }
  return (1.0 + as_large) / (1.0 + counted);
}

TResult corrected_t(const std::vector<double>& differences, double test_per_train, double level) {
  const auto n = static_cast<double>(differences.size());
  if (differences.size() < 2) return {differences.empty() ? kNaN : differences[0], kNaN, {kNaN, kNaN}};
  const double mean = mean_of(differences);
  double squares = 0;
  for (double d : differences) squares += (d - mean) * (d - mean);
  const double error = std::sqrt(squares / (n - 1) * (1 / n + test_per_train));
  if (error == 0) return {mean, mean == 0 ? 1.0 : 0.0, {mean, mean}};
  const double wide = student_quantile((1 + level) / 2, n - 1) * error;
  return {mean, 2 * student_cdf(-std::fabs(mean) / error, n - 1), {mean - wide, mean + wide}};
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size(), kNaN);
  double most = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    most = std::max(most, std::min(1.0, static_cast<double>(order.size() - k) * p[order[k]]));
    adjusted[order[k]] = most;
  }
  return adjusted;
}

double normal_cdf(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

double normal_quantile(double p) {
  MEDUSA_CHECK(p > 0 && p < 1, "normal quantile: p {}, expected between 0 and 1", p);
  return invert(normal_cdf, p);
}

// By its continued fraction (Abramowitz and Stegun 26.5.8), which converges quickly below x = (a + 1) / (a + b + 2).
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(1 - x, b, a);
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x)) / a;
  // 1 / (1 + d_1 / (1 + d_2 / ...)), by Lentz's method.
  double fraction = 1, c = 1, d = 0;
  for (int i = 0; i < 1000; ++i) {
    const int m = i / 2;
    double term = 1;
    if (i > 0)
      term = i % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                        : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + term * d;
    d = 1 / (std::fabs(d) < 1e-300 ? 1e-300 : d);
    c = 1 + term / c;
    if (std::fabs(c) < 1e-300) c = 1e-300;
    fraction *= c * d;
    if (std::fabs(1 - c * d) < 1e-15) break;
  }
  return front * (fraction - 1);
}

double student_cdf(double t, double freedom) {
  const double tail = incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

double student_quantile(double p, double freedom) {
  MEDUSA_CHECK(p > 0 && p < 1, "Student's quantile: p {}, expected between 0 and 1", p);
  return invert([&](double t) { return student_cdf(t, freedom); }, p);
}

}  // namespace medusa::tools

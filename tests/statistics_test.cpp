// The statistics of comparisons: distributions against SciPy's numbers, intervals and p values on simulated results
// whose truth is known.
#include "tools/compare/statistics.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "tensor/random.h"

using namespace medusa;
using namespace medusa::tools;
using doctest::Approx;

// Sanitized programs take minutes for what else takes seconds.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

namespace {

Groups each_alone(std::size_t n) {
  Groups groups(n);
  for (std::size_t i = 0; i < n; ++i) groups[i] = {i};
  return groups;
}

double mean_of(const std::vector<double>& values, const std::vector<std::size_t>& cases) {
  double sum = 0;
  for (std::size_t i : cases) sum += values[i];
  return sum / static_cast<double>(cases.size());
}

}  // namespace

TEST_CASE("statistics: distributions are SciPy's") {
  CHECK(student_cdf(-2.5, 4) == Approx(0.03338327240599406).epsilon(1e-12));
  CHECK(student_cdf(1.2, 30) == Approx(0.8802348245551688).epsilon(1e-12));
  CHECK(student_quantile(0.975, 2) == Approx(4.302652729911275).epsilon(1e-10));
  CHECK(student_quantile(0.975, 4) == Approx(2.7764451051977987).epsilon(1e-10));
  CHECK(student_quantile(0.9, 1.5) == Approx(2.1963984175668427).epsilon(1e-10));
  CHECK(incomplete_beta(0.3, 2.5, 0.5) == Approx(0.01892712407194565).epsilon(1e-12));
  CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-12));
  CHECK(normal_cdf(0) == 0.5);
}

TEST_CASE("statistics: Holm by hand") {
  const std::vector<double> p = holm({0.01, 0.04, std::nan(""), 0.03});
  CHECK(p[0] == Approx(0.03));
  CHECK(p[1] == Approx(0.06));  // 0.04, but not less than the one before it
  CHECK(std::isnan(p[2]));
  CHECK(p[3] == Approx(0.06));
}

TEST_CASE("statistics: the corrected t by hand") {
  // mean 2, s^2 = 1, n = 3; without overlap the error is sqrt(1/3).
  const TResult plain = corrected_t({1, 2, 3}, 0);
  CHECK(plain.mean == Approx(2));
  CHECK(plain.interval.high - 2 == Approx(4.302652729911275 * std::sqrt(1.0 / 3)));
  CHECK(plain.p == Approx(2 * student_cdf(-2 * std::sqrt(3.0), 2)));
  const TResult corrected = corrected_t({1, 2, 3}, 0.25);
  CHECK(corrected.interval.high - 2 == Approx(4.302652729911275 * std::sqrt(1.0 / 3 + 0.25)));
  CHECK(std::isnan(corrected_t({1}, 0).p));
}

TEST_CASE("statistics: groups stay together") {
  const Groups groups = group_cases({"a", "b", "a", "c"});
  CHECK(groups == Groups{{0, 2}, {1}, {3}});
  // Twenty groups of ten equal cases tell no more than twenty cases: their interval is not that of two hundred.
  std::vector<double> values;
  std::vector<std::string> names;
  Random random(2);
  for (int g = 0; g < 20; ++g) {
    const double value = random.normal();
    for (int i = 0; i < 10; ++i) values.push_back(value), names.push_back(fmt::format("{}", g));
  }
  const auto mean = [&](const std::vector<std::size_t>& cases) { return mean_of(values, cases); };
  const Interval grouped = bootstrap_interval(mean, group_cases(names), 1);
  const Interval alone = bootstrap_interval(mean, each_alone(values.size()), 1);
  CHECK((grouped.high - grouped.low) / (alone.high - alone.low) == Approx(std::sqrt(10)).epsilon(0.15));
}

// Differences of Dice between two networks on n cases: skewed, as such differences are.  How often does the interval
// hold the true mean, and how often does a test find a difference that is not there, or one that is?
TEST_CASE("statistics: intervals cover, a null is not found, a planted effect is") {
  constexpr int kRounds = kSanitized ? 20 : 400;
  for (const std::size_t n : {40, 200}) {
    int covered = 0, false_alarms = 0, found = 0;
    for (int round = 0; round < kRounds; ++round) {
      Random random(9, static_cast<std::uint64_t>(round) * 1000 + n);
      std::vector<double> skewed(n), null(n), effect(n);
      for (std::size_t i = 0; i < n; ++i) {
        skewed[i] = (-std::log1p(-random.uniform()) - 1) * 0.05;                              // exponential, mean 0
        null[i] = -0.05 * std::log1p(-random.uniform()) * (random.uniform() < 0.5 ? -1 : 1);  // exchangeable networks
        effect[i] = (random.uniform() < 0.5 ? -1 : 1) * 0.05 * random.uniform() + 0.02;
      }
      const auto mean = [&](const std::vector<std::size_t>& cases) { return mean_of(skewed, cases); };
      const Interval interval = bootstrap_interval(mean, each_alone(n), 1, 0.95, 500);
      covered += interval.low <= 0 && 0 <= interval.high;
      const auto p = [&](const std::vector<double>& differences) {
        return permutation_p(
            [&](const std::vector<bool>& swapped) {
              double sum = 0;
              for (std::size_t i = 0; i < n; ++i) sum += swapped[i] ? -differences[i] : differences[i];
              return sum / static_cast<double>(n);
            },
            each_alone(n), n, 1, 400);
      };
      false_alarms += p(null) < 0.05;
      found += p(effect) < 0.05;
    }
    INFO("n = " << n << ": covered " << covered << ", false alarms " << false_alarms << ", found " << found);
    if (kSanitized) continue;  // too few to count; the other builds do
    CHECK(covered >= 0.92 * kRounds);
    CHECK(covered <= 0.975 * kRounds);
    CHECK(false_alarms <= 0.075 * kRounds);
    CHECK(found >= 0.95 * kRounds);
  }
}

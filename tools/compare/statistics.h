// Statistics of comparisons: how sure a difference between two networks is.  All random choices follow a seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace medusa::tools {

struct Interval {
  double low, high;
};

// ---- over the cases of one test set

// The places of the cases of each group (a patient, a lesion), in the order in which groups first occur; cases of one
// group stay together in everything below.  Without names each case is a group.
using Groups = std::vector<std::vector<std::size_t>>;
Groups group_cases(const std::vector<std::string>& group_of_case);

// A figure of some of the cases, such as the difference of two networks' mean Dice or AUC; cases may occur several
// times.  NaN: not defined for these cases, such as the AUC of a single class.
using Figure = std::function<double(const std::vector<std::size_t>& cases)>;

// The interval that covers the true figure with the probability `level`: the bootstrap over groups, bias-corrected and
// accelerated; below 60 groups studentised, each draw measured in its own standard error by the jackknife, since skewed
// values of few cases need it (Efron and Tibshirani 1993, chapters 14.3 and 12.5).  Draws for which the figure is not
// defined do not count.  NaN with fewer than two groups or if no draw counts.
Interval bootstrap_interval(const Figure& figure, const Groups& groups, std::uint64_t seed, double level = 0.95,
                            int draws = 2000);

// The probability, if two networks were exchangeable, of a difference as large as the one found, in either direction:
// each group's predictions are swapped or not by chance, and the difference is computed anew (Good 2005; the figure is
// given which cases are swapped).  At least 1 / (draws + 1).  NaN if the difference is not defined.
using SwappedFigure = std::function<double(const std::vector<bool>& swapped)>;
double permutation_p(const SwappedFigure& difference, const Groups& groups, std::size_t cases, std::uint64_t seed,
                     int draws = 2000);

// ---- over runs

// Student's t on n differences whose samples overlap at random: the variance of the mean is s^2 (1/n + test / train),
// test and train the numbers of their samples (Nadeau and Bengio 2003, section 3.1).  NaN with fewer than two.
struct TResult {
  double mean, p;
  Interval interval;
};
TResult corrected_t(const std::vector<double>& differences, double test_per_train, double level = 0.95);

// p values of several hypotheses, each such that all below 0.05 hold together (Holm 1979).  NaN stays NaN and does not
// count.
std::vector<double> holm(const std::vector<double>& p);

// ---- distributions

double normal_cdf(double x);
double normal_quantile(double p);              // 0 < p < 1
double student_cdf(double t, double freedom);  // freedom > 0
double student_quantile(double p, double freedom);
double incomplete_beta(double x, double a, double b);  // regularised, 0 <= x <= 1

}  // namespace medusa::tools

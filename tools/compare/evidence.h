// Evidence: how sure the differences between a comparison's rows and STL are, over its runs and over its cases.
#pragma once

#include <string>
#include <vector>

#include "tools/compare/comparison.h"
#include "tools/compare/statistics.h"

namespace medusa::tools {

// Two runs with the same seed and test set: the difference M - M_STL of the task's metric, its 95 % interval by the
// bootstrap over cases, and the probability p of one as large if the two networks were exchangeable (statistics.h).
struct CaseEvidence {
  std::string run, baseline;  // their names
  std::size_t cases = 0, groups = 0;
  double difference, p, p_holm;
  Interval interval;
  std::string missing;  // why there is none; "": there is
};

// One row and task against STL.
struct Evidence {
  std::size_t variant, task;
  TResult runs;                     // of the differences M - M_STL, run by run; p and interval from 3 runs on, else NaN
  double p_holm;                    // of runs.p, over all rows and tasks
  double log_change;                // percent, see log_change()
  std::vector<CaseEvidence> cases;  // p_holm: over all rows and tasks of the same seed
};

// The 95 % interval of the mean of a task's metric over the runs of a row; NaN with fewer than three.
Interval mean_interval(const Variant& variant, const JudgedTask& task);

// 100 (exp(mean over the runs of s log(M / M_STL)) - 1), s = -1 where smaller is better: the geometric mean of the
// ratios.  Unlike their arithmetic mean it does not grow with the baseline's noise, and M twice as good and half as
// good cancel.  NaN without a pair of runs, or if one of their values is not above 0.
double log_change(const Comparison& comparison, const Variant& variant, const JudgedTask& task);

// Of every row that has a baseline, for every task.  Reads the runs' tables of cases; throws InputError if one does not
// belong to its run's result.
std::vector<Evidence> evidence_of(const Comparison& comparison);

}  // namespace medusa::tools

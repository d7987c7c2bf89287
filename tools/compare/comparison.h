// A comparison of training runs: what each one reached, means over seeds, performance relative to single-task learning.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace medusa::tools {

// How a task is judged.
struct JudgedTask {
  std::string name, metric;
  bool larger_is_better;
};

// How a run's attention at the bottleneck is spread (mtl/networks/attention_record.h).
struct Bottleneck {
  double entropy_bits, most_bits, diagonal;
};

// One training run.
struct RunRecord {
  std::string folder, name;  // name: the folder's last part
  std::uint64_t seed = 0;
  std::int64_t fold = -1;  // of cross-validation; -1: none
  std::string failure;     // why there are no results; "": there are
  bool missing = false;    // it did not fail, it is not finished
  // By task, by metric: of the weights that the validation set chose.  NaN: not defined on this set.
  std::map<std::string, std::map<std::string, double>> val, test;
  std::map<std::string, Bottleneck> bottleneck;  // by pair of tasks, "lesion,diagnosis"; empty: has none
  // Numbers of samples; NaN: an older version made the run, which does not say.
  double test_per_train = std::numeric_limits<double>::quiet_NaN();
  double parameters = 0, gflop_per_image = 0, peak_memory_mib = 0;
  double step_ms = 0;  // a training step with its share of the loading, the median over the epochs
};

// A value of --tune with what it reached on the validation set.
struct Candidate {
  std::string name, tuned, run;                              // of its row, its setting, its run
  std::map<std::string, std::map<std::string, double>> val;  // by task, by metric
  double score = std::numeric_limits<double>::quiet_NaN();   // larger is better (mtl/training/selection.h)
};

// One row of the table: the same network and options with several seeds.
struct Variant {
  std::string name, arch;
  std::string row;                    // the name without what --tune adds: its candidates share it
  std::string setting, tuned;         // of --sweep and --tune: "ctan-scale=false"; "": as given
  std::vector<std::int64_t> widths;   // in place of those given; empty: as given
  int baseline = -1;                  // the row of STL that it is compared to; -1: none
  std::vector<Candidate> candidates;  // the finished ones among which `tuned` was chosen, in the order given
  bool decided = true;                // false: candidates are not finished, `runs` says which
  std::vector<RunRecord> runs;
};

struct Comparison {
  std::vector<JudgedTask> tasks;
  std::vector<Variant> variants;
  std::vector<std::uint64_t> seeds;
  std::int64_t folds = 0;  // of cross-validation, each with every seed; 0: none
  std::string about;       // the dataset and what else a reader should know
  std::string select;      // which epoch's weights each run is judged by: train's --select
  std::string tuned;       // the option that --tune chose in each row; "": none
  std::string tuned_on;    // the run that it was chosen on: "seed 0", "seed 0, fold 0"
};

// The task's metric on the test set; NaN where the run failed or it is not defined.
double value_of(const RunRecord& run, const JudgedTask& task);

// Whether any row is compared to STL.
bool has_baseline(const Comparison& comparison);

// The finished runs of a row, each with the one of its baseline that has the same seed; none where there is no such.
std::vector<std::pair<const RunRecord*, const RunRecord*>> pairs_of(const Comparison& comparison,
                                                                    const Variant& variant);

// Mean and sample standard deviation (n - 1) of the values that are there.
struct Spread {
  std::vector<double> values;
  double mean() const;  // NaN without values
  double std() const;   // NaN with fewer than two
};

// Fills in result, cost and epochs of a finished run from its folder; throws InputError naming the file, also if the
// run judges its tasks in another way than `tasks`, which is filled in where it is empty.  `batch`: samples per step.
void read_run(std::int64_t batch, RunRecord* run, std::vector<JudgedTask>* tasks);
// The figures on the validation set alone, by task, by metric; the same errors.
std::map<std::string, std::map<std::string, double>> read_validation(const std::string& folder,
                                                                     std::vector<JudgedTask>* tasks);

// On the test set.
Spread metric_spread(const Variant& variant, const std::string& task, const std::string& metric);
// 100 (-1)^l (M - M_STL) / M_STL of the task's metric, run by run against STL of the same seed and fold; l = 1 if
// smaller is better.  Runs without such a partner, or with M_STL = 0, do not count.
Spread relative_spread(const Comparison& comparison, const Variant& variant, const JudgedTask& task);
// Its mean over the tasks, run by run; a run counts if every task does.
Spread average_spread(const Comparison& comparison, const Variant& variant);

// "0.812 ± 0.013", "0.812" for a single value, "-" for none; "0.812 (n = 1)" if more values were expected.
std::string spread_text(const Spread& spread, int digits, std::size_t expected, bool with_sign = false);

// The same tables three times: for a terminal or a README, for programs, for a browser (with a chart).
struct Evidence;  // of evidence_of(comparison)
std::string table_markdown(const Comparison& comparison, const std::vector<Evidence>& evidence);
std::string table_json(const Comparison& comparison, const std::vector<Evidence>& evidence);
std::string table_html(const Comparison& comparison, const std::vector<Evidence>& evidence);
std::string chart(const Comparison& comparison);  // SVG, without the XML declaration

}  // namespace medusa::tools

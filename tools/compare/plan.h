// What a comparison is to train: the rows of its table, and a run of each for every seed and fold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "tools/cli/run_options.h"
#include "tools/compare/comparison.h"

namespace medusa::tools {

struct CompareCommand {
  RunOptions run;
  std::vector<std::string> archs{"stl", "hps", "mtan", "ctan"};
  std::vector<std::int64_t> seeds{0, 1, 2};
  std::string out, sweep, tune;  // "OPTION=VALUE,VALUE,..."
  bool match_parameters = false;
  int jobs = 1;                   // trainings side by side
  bool list = false;              // print commands, train nothing
  bool collect = false;           // make the tables of what is finished, train nothing
  std::vector<std::string> only;  // names of runs to train; empty: all
};

// A seed and a fold (-1: no folds), with which every row has a run.
struct Round {
  std::uint64_t seed = 0;
  std::int64_t fold = -1;
  std::string text() const;  // "2", "2-fold1"
};

struct PlannedRun {
  std::size_t variant = 0;  // its place among the rows
  Round round;
  std::string name, folder;  // name: the folder's last part
  RunOptions options;
};

// Throws InputError for what does not make a comparison; `arguments` is the command line.
void check_command(const CompareCommand& command, const std::vector<std::string>& arguments);

// Rows of the table, without their runs; of a row that --tune is to choose for, one for each value (tuning.h).
std::vector<Variant> plan_rows(const CompareCommand& command);
// Gives each row its baseline, by its place among them.
void find_baselines(std::vector<Variant>* rows);
// The option of --tune; "": none.
std::string tuned_option(const CompareCommand& command);
std::vector<Round> plan_rounds(const CompareCommand& command);
// Round by round, so that an interrupted comparison has complete seeds.  Rows that are not decided yet have none.
std::vector<PlannedRun> plan_runs(const CompareCommand& command, const std::vector<Variant>& rows);
PlannedRun plan_run(const CompareCommand& command, const std::vector<Variant>& rows, std::size_t row,
                    const Round& round);
// The options of a row's run, complete as train saves them.  Throws InputError where one is out of range.
RunOptions options_of(const CompareCommand& command, const Variant& row, const Round& round);

// What a user should know about the parts before hours of training, such as a class that one of them lacks.  Throws
// InputError where a division has no validation or test part.  `row`: any one, all have the same parts.
std::vector<std::string> split_notes(const CompareCommand& command, const Variant& row,
                                     const datasets::Dataset& dataset);

// Widens every row that has fewer parameters than the largest one, all widths by one factor and rounded, until it is
// within 2 % of it; the row's name then ends with the widths.  Throws InputError where no factor does that.
void match_parameters(const CompareCommand& command, const datasets::Dataset& dataset, std::vector<Variant>* rows);

}  // namespace medusa::tools

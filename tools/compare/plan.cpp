#include "tools/compare/plan.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "datasets/label_notes.h"
#include "mtl/networks/backbone.h"
#include "mtl/training/dataset_tasks.h"
#include "tensor/check.h"

namespace medusa::tools {

namespace {

namespace fs = std::filesystem;

// An option with the values that --sweep or --tune gives it.
struct ValueList {
  std::string option, owner;
  std::vector<std::string> values;

  // Whether it affects an architecture: STL's tasks share nothing to balance.
  bool matters(const std::string& arch) const {
    return !values.empty() && (owner.empty() || owner == arch || (owner == "balancing" && arch != "stl"));
  }
  std::string setting(const std::string& value) const { return option + "=" + value; }
  // "ctan parts=both", not "ctan ctan-parts=both".
  std::string label(const std::string& arch, const std::string& value) const {
    return owner == arch ? setting(value).substr(arch.size() + 1) : setting(value);
  }
};

// "option=a,b,c"; values that hold commas are separated by semicolons instead.  No values for "".
ValueList parse_values(const std::string& flag, const std::string& text, const RunOptions& run) {
  if (text.empty()) return {};
  const std::size_t equals = text.find('=');
  MEDUSA_CHECK_INPUT(equals != std::string::npos && equals > 0, "--{} {}: expected OPTION=VALUE,VALUE,...", flag, text);
  ValueList list{text.substr(0, equals), "", {}};
  const std::vector<ConfigEntry> rows = config_entries(run);
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == list.option; });
  MEDUSA_CHECK_INPUT(row != rows.end(), "--{} {}: '{}' is not an option of train", flag, text, list.option);
  MEDUSA_CHECK_INPUT(!row->shared, "--{} {}: cannot {} '{}': all runs of a comparison must share it", flag, text, flag,
                     list.option);
  list.owner = row->owner;
  const char separator = text.find(';') != std::string::npos ? ';' : ',';
  for (std::size_t at = equals; at != std::string::npos;) {
    const std::size_t end = text.find(separator, at + 1);
    list.values.push_back(text.substr(at + 1, end == std::string::npos ? end : end - at - 1));
    at = end;
  }
  for (const std::string& value : list.values)
    MEDUSA_CHECK_INPUT(!value.empty() && std::count(list.values.begin(), list.values.end(), value) == 1,
                       "--{} {}: expected values that differ, none of them empty", flag, text);
  return list;
}

// Each of the rows once for every value where the option matters; `use` notes a value in its row.
template <class F>
std::vector<Variant> with_values(const std::vector<Variant>& rows, const ValueList& list, const F& use) {
  std::vector<Variant> all;
  for (const Variant& row : rows) {
    if (!list.matters(row.arch)) {
      all.push_back(row);
      continue;
    }
    for (const std::string& value : list.values) {
      all.push_back(row);
      all.back().name += " " + list.label(row.arch, value);
      use(&all.back(), value);
    }
  }
  return all;
}

// Whether the losses' fixed weights are given by --sweep or --tune alone: STL, whose tasks share nothing to weigh, has
// none of them then, and --balancing fixed would be refused.
bool leaves_stl_without_weights(const CompareCommand& command) {
  const std::string option = "task-weights";
  const auto given = command.run.balancing.own.find(option);
  const bool has = given != command.run.balancing.own.end() && !std::get<mtl::Vector>(given->second).empty();
  return !has && (command.sweep.starts_with(option + "=") || command.tune.starts_with(option + "="));
}

std::string folder_name(const Variant& variant, const Round& round) {
  std::string name = variant.name;
  for (char& c : name)
    if (c == '/' || c == ',' || c == '=' || c == ' ') c = c == '=' || c == ' ' ? '-' : '_';
  return name + "-" + round.text();
}

}  // namespace

std::string Round::text() const { return fold < 0 ? fmt::format("{}", seed) : fmt::format("{}-fold{}", seed, fold); }

void check_command(const CompareCommand& command, const std::vector<std::string>& arguments) {
  MEDUSA_CHECK_INPUT(!command.run.data.empty(), "--data is missing: the folder of the dataset");
  MEDUSA_CHECK_INPUT(!command.out.empty(), "--out is missing: the folder for the runs and tables");
  for (const std::string& argument : arguments)
    for (const std::string& option : {std::string("--arch"), std::string("--seed"), std::string("--fold")})
      MEDUSA_CHECK_INPUT(argument != option && argument.rfind(option + "=", 0) != 0, "{}: compare takes {}s instead",
                         option, option);
  MEDUSA_CHECK_INPUT(!command.archs.empty() && !command.seeds.empty(), "--archs and --seeds: expected at least one");
  for (const std::string& arch : command.archs) {
    check_one_of("--archs", arch, mtl::architectures());
    MEDUSA_CHECK_INPUT(std::count(command.archs.begin(), command.archs.end(), arch) == 1, "--archs: {} twice", arch);
  }
  for (std::int64_t seed : command.seeds)
    MEDUSA_CHECK_INPUT(seed >= 0 && std::count(command.seeds.begin(), command.seeds.end(), seed) == 1,
                       "--seeds {}: expected whole numbers of 0 or more, each once", seed);
  MEDUSA_CHECK_INPUT(command.list + command.collect + !command.only.empty() <= 1,
                     "--list, --collect and --only: one of them at a time");
  const bool makes_test = command.run.fold.folds > 0 || !command.run.split_file.empty();
  MEDUSA_CHECK_INPUT((makes_test || command.run.test_fraction > 0) && command.run.val_fraction > 0,
                     "--test-fraction {}, --val-fraction {}: compare chooses on a validation set and judges on a test "
                     "set, expected more than 0",
                     command.run.test_fraction, command.run.val_fraction);
  MEDUSA_CHECK_INPUT(!fs::exists(command.out) || fs::is_directory(command.out), "--out {}: is not a folder",
                     command.out);
}

std::vector<Variant> plan_rows(const CompareCommand& command) {
  const ValueList sweep = parse_values("sweep", command.sweep, command.run);
  const ValueList tune = parse_values("tune", command.tune, command.run);
  MEDUSA_CHECK_INPUT(tune.values.empty() || tune.option != sweep.option,
                     "--tune {}: --sweep has '{}' too; a row for each value, or one row with the best of them",
                     command.tune, tune.option);
  std::vector<Variant> rows;
  for (const std::string& arch : command.archs) {
    Variant row;
    row.name = row.arch = arch;
    rows.push_back(row);
  }
  rows = with_values(rows, sweep, [&](Variant* row, const std::string& value) { row->setting = sweep.setting(value); });
  for (Variant& row : rows) row.row = row.name;
  rows = with_values(rows, tune, [&](Variant* row, const std::string& value) { row->tuned = tune.setting(value); });
  find_baselines(&rows);
  return rows;
}

void find_baselines(std::vector<Variant>* rows) {
  for (Variant& row : *rows) {
    row.baseline = -1;
    for (std::size_t k = 0; k < rows->size() && row.arch != "stl"; ++k) {
      const Variant& other = (*rows)[k];
      if (other.arch == "stl" && (other.setting == row.setting || other.setting.empty()))
        row.baseline = static_cast<int>(k);
    }
  }
}

std::string tuned_option(const CompareCommand& command) { return command.tune.substr(0, command.tune.find('=')); }

std::vector<Round> plan_rounds(const CompareCommand& command) {
  std::vector<Round> rounds;
  for (std::int64_t seed : command.seeds)
    for (std::int64_t fold = 0; fold < std::max<std::int64_t>(command.run.fold.folds, 1); ++fold)
      rounds.push_back({static_cast<std::uint64_t>(seed), command.run.fold.folds > 0 ? fold : -1});
  return rounds;
}

RunOptions options_of(const CompareCommand& command, const Variant& row, const Round& round) {
  RunOptions options = command.run;
  for (const std::string& setting : {row.setting, row.tuned}) {
    if (setting.empty()) continue;
    CommandLine line("", "compare");
    add_run_options(line, options);
    line.parse({"--" + setting});
  }
  options.arch = row.arch;
  if (row.arch == "stl" && leaves_stl_without_weights(command)) options.balancing = {};
  if (!row.widths.empty()) options.widths = row.widths;
  options.seed = round.seed;
  if (round.fold >= 0) options.fold.fold = round.fold;
  absolute_paths(&options);
  check(options);
  complete(&options);  // as train saves them
  return options;
}

PlannedRun plan_run(const CompareCommand& command, const std::vector<Variant>& rows, std::size_t row,
                    const Round& round) {
  const std::string name = folder_name(rows[row], round);
  return {row, round, name, command.out + "/" + name, options_of(command, rows[row], round)};
}

std::vector<PlannedRun> plan_runs(const CompareCommand& command, const std::vector<Variant>& rows) {
  std::vector<PlannedRun> runs;
  for (const Round& round : plan_rounds(command))
    for (std::size_t row = 0; row < rows.size(); ++row)
      if (rows[row].decided) runs.push_back(plan_run(command, rows, row, round));
  return runs;
}

std::vector<std::string> split_notes(const CompareCommand& command, const Variant& row,
                                     const datasets::Dataset& dataset) {
  std::vector<std::size_t> targets;
  mtl::make_tasks(dataset, command.run.tasks, &targets);
  std::map<std::string, std::vector<std::string>> lines;  // by split
  std::vector<std::string> splits;                        // in their order
  std::map<std::string, std::size_t> splits_with;         // in how many of them a line holds
  for (const Round& round : plan_rounds(command)) {
    const RunOptions options = options_of(command, row, round);
    const datasets::Split split = make_split(options, dataset);
    MEDUSA_CHECK_INPUT(!split.val.empty() && !split.test.empty(),
                       "{}: has {} samples to validate and {} to test; compare chooses on a validation set and judges "
                       "on a test set",
                       options.split_file.empty() ? options.data : options.split_file, split.val.size(),
                       split.test.size());
    const std::string where = !options.split_file.empty() ? options.split_file
                              : round.fold >= 0           ? fmt::format("fold {}", round.fold)
                                                          : fmt::format("seed {}", round.seed);
    if (lines.contains(where)) continue;
    splits.push_back(where);
    lines[where] = datasets::label_notes(dataset, split, targets);
    for (const std::string& line : lines[where]) ++splits_with[line];
  }
  std::vector<std::string> notes;  // what holds everywhere is said once
  for (const std::string& where : splits)
    for (const std::string& line : lines[where])
      if (splits.size() == 1 || splits_with[line] < splits.size())
        notes.push_back(where + ": " + line);
      else if (where == splits[0])
        notes.push_back(line);
  return notes;
}

}  // namespace medusa::tools

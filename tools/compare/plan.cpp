#include "tools/compare/plan.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "datasets/label_notes.h"
#include "mtl/networks/backbone.h"
#include "mtl/training/dataset_tasks.h"
#include "tensor/check.h"

namespace medusa::tools {

namespace {

namespace fs = std::filesystem;

struct Sweep {
  std::string option, owner;
  std::vector<std::string> values;
};

// "option=a,b,c"; values that hold commas are separated by semicolons instead.
Sweep parse_sweep(const std::string& text, const RunOptions& run) {
  const std::size_t equals = text.find('=');
  MEDUSA_CHECK_INPUT(equals != std::string::npos && equals > 0, "--sweep {}: expected OPTION=VALUE,VALUE,...", text);
  Sweep sweep{text.substr(0, equals), "", {}};
  const std::vector<ConfigEntry> rows = config_entries(run);
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == sweep.option; });
  MEDUSA_CHECK_INPUT(row != rows.end(), "--sweep {}: '{}' is not an option of train", text, sweep.option);
  MEDUSA_CHECK_INPUT(!row->shared, "--sweep {}: cannot sweep '{}': all runs of a comparison must share it", text,
                     sweep.option);
  sweep.owner = row->owner;
  const char separator = text.find(';') != std::string::npos ? ';' : ',';
  for (std::size_t at = equals; at != std::string::npos;) {
    const std::size_t end = text.find(separator, at + 1);
    sweep.values.push_back(text.substr(at + 1, end == std::string::npos ? end : end - at - 1));
    at = end;
  }
  for (const std::string& value : sweep.values)
    MEDUSA_CHECK_INPUT(!value.empty() && std::count(sweep.values.begin(), sweep.values.end(), value) == 1,
                       "--sweep {}: expected values that differ, none of them empty", text);
  return sweep;
}

// Whether the option affects an architecture: STL's tasks share nothing to balance.
bool matters(const Sweep& sweep, const std::string& arch) {
  return sweep.owner.empty() || sweep.owner == arch || (sweep.owner == "balancing" && arch != "stl");
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

// Rows of the table, without their runs.
std::vector<Variant> plan_rows(const CompareCommand& command) {
  std::vector<Variant> variants;
  const Sweep sweep = command.sweep.empty() ? Sweep{} : parse_sweep(command.sweep, command.run);
  for (const std::string& arch : command.archs) {
    if (sweep.values.empty() || !matters(sweep, arch)) {
      variants.push_back({arch, arch, "", {}, -1, {}});
      continue;
    }
    for (const std::string& value : sweep.values) {
      const std::string setting = sweep.option + "=" + value;
      const bool own = sweep.owner == arch;  // "ctan parts=both", not "ctan ctan-parts=both"
      variants.push_back({arch + " " + (own ? setting.substr(arch.size() + 1) : setting), arch, setting, {}, -1, {}});
    }
  }
  for (Variant& variant : variants)
    for (std::size_t k = 0; k < variants.size() && variant.arch != "stl"; ++k)
      if (variants[k].arch == "stl" && (variants[k].setting == variant.setting || variants[k].setting.empty()))
        variant.baseline = static_cast<int>(k);
  return variants;
}

std::vector<Round> plan_rounds(const CompareCommand& command) {
  std::vector<Round> rounds;
  for (std::int64_t seed : command.seeds)
    for (std::int64_t fold = 0; fold < std::max<std::int64_t>(command.run.fold.folds, 1); ++fold)
      rounds.push_back({static_cast<std::uint64_t>(seed), command.run.fold.folds > 0 ? fold : -1});
  return rounds;
}

RunOptions options_of(const CompareCommand& command, const Variant& row, const Round& round) {
  RunOptions options = command.run;
  if (!row.setting.empty()) {
    CommandLine line("", "compare");
    add_run_options(line, options);
    line.parse({"--" + row.setting});
  }
  options.arch = row.arch;
  if (!row.widths.empty()) options.widths = row.widths;
  options.seed = round.seed;
  if (round.fold >= 0) options.fold.fold = round.fold;
  absolute_paths(&options);
  check(options);
  complete(&options);  // as train saves them
  return options;
}

std::vector<PlannedRun> plan_runs(const CompareCommand& command, const std::vector<Variant>& rows) {
  std::vector<PlannedRun> runs;
  for (const Round& round : plan_rounds(command))
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::string name = folder_name(rows[row], round);
      runs.push_back({row, round, name, command.out + "/" + name, options_of(command, rows[row], round)});
    }
  return runs;
}

std::vector<std::string> split_notes(const CompareCommand& command, const datasets::Dataset& dataset) {
  std::vector<std::string> notes;
  std::vector<std::size_t> targets;
  mtl::make_tasks(dataset, command.run.tasks, &targets);
  std::set<std::string> said;
  Variant row;
  row.arch = command.archs.front();
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
    for (const std::string& line : datasets::label_notes(dataset, split, targets))
      if (said.insert(where + ": " + line).second) notes.push_back(where + ": " + line);
  }
  return notes;
}

}  // namespace medusa::tools

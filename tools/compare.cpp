// compare: trains several architectures with several seeds on one dataset, and says which is better and at what price.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <set>

#include "datasets/label_notes.h"
#include "datasets/layouts/registry.h"
#include "mtl/networks/backbone.h"
#include "mtl/training/dataset_tasks.h"
#include "mtl/training/progress.h"
#include "mtl/training/provenance.h"
#include "mtl/training/run_folder.h"
#include "tensor/file.h"
#include "tensor/folder_lock.h"
#include "tools/cli/program.h"
#include "tools/cli/run_options.h"
#include "tools/compare/comparison.h"
#include "tools/compare/subprocess.h"

namespace medusa::tools {

namespace {

namespace fs = std::filesystem;

struct Command {
  RunOptions run;
  std::vector<std::string> archs{"stl", "hps", "mtan", "ctan"};
  std::vector<std::int64_t> seeds{0, 1, 2};
  std::string out, sweep;
};

// ---- what is to be compared ---------------------------------------------------------------------------------------

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

// A seed and a fold (-1: no folds), with which every row has a run.
struct Round {
  std::uint64_t seed = 0;
  std::int64_t fold = -1;
  std::string text() const { return fold < 0 ? fmt::format("{}", seed) : fmt::format("{}-fold{}", seed, fold); }
};

std::vector<Round> rounds_of(const Command& command) {
  std::vector<Round> rounds;
  for (std::int64_t seed : command.seeds)
    for (std::int64_t fold = 0; fold < std::max<std::int64_t>(command.run.fold.folds, 1); ++fold)
      rounds.push_back({static_cast<std::uint64_t>(seed), command.run.fold.folds > 0 ? fold : -1});
  return rounds;
}

RunOptions options_of(const Command& command, const std::string& arch, const Round& round, const std::string& setting) {
  RunOptions options = command.run;
  if (!setting.empty()) {
    CommandLine line("", "compare");
    add_run_options(line, options);
    line.parse({"--" + setting});
  }
  options.arch = arch;
  options.seed = round.seed;
  if (round.fold >= 0) options.fold.fold = round.fold;
  absolute_paths(&options);
  check(options);
  complete(&options);  // as train saves them
  return options;
}

// Rows of the table, without their runs.
std::vector<Variant> plan(const Command& command) {
  std::vector<Variant> variants;
  const Sweep sweep = command.sweep.empty() ? Sweep{} : parse_sweep(command.sweep, command.run);
  for (const std::string& arch : command.archs) {
    if (sweep.values.empty() || !matters(sweep, arch)) {
      variants.push_back({arch, arch, "", -1, {}});
      continue;
    }
    for (const std::string& value : sweep.values) {
      const std::string setting = sweep.option + "=" + value;
      const bool own = sweep.owner == arch;  // "ctan parts=both", not "ctan ctan-parts=both"
      variants.push_back({arch + " " + (own ? setting.substr(arch.size() + 1) : setting), arch, setting, -1, {}});
    }
  }
  for (Variant& variant : variants)
    for (std::size_t k = 0; k < variants.size() && variant.arch != "stl"; ++k)
      if (variants[k].arch == "stl" && (variants[k].setting == variant.setting || variants[k].setting.empty()))
        variant.baseline = static_cast<int>(k);
  return variants;
}

std::string folder_name(const Variant& variant, const Round& round) {
  std::string name = variant.name;
  for (char& c : name)
    if (c == '/' || c == ',' || c == '=' || c == ' ') c = c == '=' || c == ' ' ? '-' : '_';
  return name + "-" + round.text();
}

// ---- one run ------------------------------------------------------------------------------------------------------

// Whether an option may differ from the value that a run was begun with, to resume the run or, if it is finished, to
// list it in the table.  The data may not: nothing checks again whether the samples are the same.
bool may_change(const OptionRow& row) { return row.effect == OptionRow::Effect::Nothing && !row.shared; }

// Throws InputError if an existing run was made with different options.
void check_same(const std::string& folder, const RunOptions& now) {
  RunOptions before = read_run_options(folder);
  absolute_paths(&before);
  const auto change = first_change(before, now, may_change);
  MEDUSA_CHECK_INPUT(!change, "{}: was made with --{} {}, not {}; another --out begins a new comparison", folder,
                     change->name, change->before, change->now);
}

// Throws InputError if an existing run was made from other samples than the dataset has today, or made its inputs in
// another way; the rows of a table must be about the same data.
void check_data(const std::string& folder, const RunOptions& options, const datasets::Dataset& dataset) {
  const mtl::RunFolder run(folder);
  const std::optional<mtl::Provenance> then = run.provenance();
  if (!then) return;  // an older version made it
  const mtl::Provenance now = mtl::provenance_of(dataset, make_split(options, dataset), {});
  const std::string before = mtl::samples_text(*then), today = mtl::samples_text(now);
  MEDUSA_CHECK_INPUT(before == today,
                     "{}: was made from {}, the data now are {} ({}); another --out begins a new comparison", folder,
                     before, today, mtl::sample_changes(*then, now));
  MEDUSA_CHECK_INPUT(then->inputs == now.inputs,
                     "{}: made its inputs in another way than the data now say; another --out begins a new comparison",
                     folder);
}

// "--option=value", which flags require; an empty value only counts as a word of its own.
void add_option(const std::string& option, const std::string& value, std::vector<std::string>* words) {
  words->push_back("--" + option + (value.empty() ? "" : "=" + value));
  if (value.empty()) words->push_back("");
}

// Trains, or goes on training; returns why it failed, "" if it did not.
std::string train(const Command& command, const RunOptions& options, const std::string& folder) {
  const std::string name = fs::path(folder).filename().string(), log = command.out + "/logs/" + name + ".log";
  const mtl::RunFolder run(folder);
  std::vector<std::string> words{program_beside("train"), "--out", folder};
  if (run.begun()) {
    words.push_back("--resume");
    for (const ConfigEntry& entry : config_entries(options))
      if (may_change(entry)) add_option(entry.name, text_of_toml(entry.value), &words);
  } else {
    run.remove_unfinished();  // if it was stopped before it had begun
    const std::string config = command.out + "/logs/" + name + ".toml";
    write_file(config, config_text(options));
    words.insert(words.end(), {"--config", config});
  }
  fs::remove(log);
  return run_child(words, log);
}

std::string validation_text(const RunRecord& run, const std::vector<JudgedTask>& tasks) {
  std::string text;
  for (const JudgedTask& task : tasks)
    text += fmt::format("{}{} {} {:.4f}", text.empty() ? "" : ", ", task.name, task.metric,
                        run.val.at(task.name).at(task.metric));
  return text;
}

RunRecord do_run(const Command& command, const datasets::Dataset& dataset, const Variant& variant, const Round& round,
                 const std::string& count, std::vector<JudgedTask>* tasks) {
  const std::string name = folder_name(variant, round), folder = command.out + "/" + name;
  const RunOptions options = options_of(command, variant.arch, round, variant.setting);
  const auto begin = std::chrono::steady_clock::now();
  const bool begun = mtl::RunFolder(folder).begun(), finished = mtl::RunFolder(folder).finished();
  if (begun) {
    check_same(folder, options);
    check_data(folder, options, dataset);
  }
  RunRecord run;
  run.failure = finished ? "" : train(command, options, folder);
  if (run.failure.empty()) run = read_run(folder, round.seed, options.batch, tasks);
  run.folder = folder;
  run.name = name;
  run.seed = round.seed;
  run.fold = round.fold;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!run.failure.empty())
    print_line("{} {}: {}{}", count, name, interrupted() ? "" : "FAILED: ", run.failure);
  else
    print_line("{} {}: {}; validation: {}", count, name,
               finished ? "was finished before" : (begun ? "went on, " : "") + mtl::clock_text(took.count()),
               validation_text(run, *tasks));
  std::fflush(stdout);
  return run;
}

// ---- all of them --------------------------------------------------------------------------------------------------

void check_command(const Command& command, const std::vector<std::string>& arguments) {
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
  const bool makes_test = command.run.fold.folds > 0 || !command.run.split_file.empty();
  MEDUSA_CHECK_INPUT((makes_test || command.run.test_fraction > 0) && command.run.val_fraction > 0,
                     "--test-fraction {}, --val-fraction {}: compare chooses on a validation set and judges on a test "
                     "set, expected more than 0",
                     command.run.test_fraction, command.run.val_fraction);
  MEDUSA_CHECK_INPUT(!fs::exists(command.out) || fs::is_directory(command.out), "--out {}: is not a folder",
                     command.out);
}

// What a user should know about the parts before hours of training: an option without effect, a missing class.  Refuses
// a division without a test part.
void note_splits(const Command& command, const std::vector<Round>& rounds, const datasets::Dataset& dataset) {
  std::vector<std::size_t> targets;
  mtl::make_tasks(dataset, command.run.tasks, &targets);
  std::set<std::string> said;
  for (const Round& round : rounds) {
    const RunOptions options = options_of(command, command.archs.front(), round, "");
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
      if (said.insert(where + ": " + line).second) print_line("note: {}: {}", where, line);
  }
}

Comparison compare(const Command& command) {
  Comparison comparison;
  comparison.variants = plan(command);
  comparison.select = command.run.select;
  for (const Variant& variant : comparison.variants) options_of(command, variant.arch, {}, variant.setting);
  const auto dataset = datasets::open_dataset(dataset_options(command.run));
  comparison.seeds.assign(command.seeds.begin(), command.seeds.end());
  comparison.folds = command.run.fold.folds;
  comparison.about = fmt::format("{}: {} samples, {} epochs", fs::path(command.run.data).filename().string(),
                                 dataset->size(), command.run.epochs);
  make_folders(command.out + "/logs");
  const FolderLock lock(command.out, std::chrono::minutes(1));  // children of a killed one end meanwhile
  const std::vector<Round> rounds = rounds_of(command);
  const std::size_t runs = comparison.variants.size() * rounds.size();
  note_splits(command, rounds, *dataset);
  std::size_t done = 0;
  for (const Round& round : rounds)  // so that an interrupted comparison has complete seeds
    for (Variant& variant : comparison.variants) {
      variant.runs.push_back(
          do_run(command, *dataset, variant, round, fmt::format("[{}/{}]", ++done, runs), &comparison.tasks));
      MEDUSA_CHECK(!interrupted(), "interrupted; the same command resumes it");
    }
  return comparison;
}

void report(const Command& command) {
  const Comparison comparison = compare(command);
  std::size_t failed = 0, runs = 0;
  for (const Variant& variant : comparison.variants)
    for (const RunRecord& run : variant.runs) ++runs, failed += run.failure.empty() ? 0 : 1;
  write_file(command.out + "/table.json", table_json(comparison));
  write_file(command.out + "/table.html", table_html(comparison));
  const std::string table = table_markdown(comparison);
  write_file(command.out + "/table.md", table);
  print_lines("\n" + table + "\n");
  print_line("The same in {}/table.md, table.json and, with a chart, table.html", command.out);
  MEDUSA_CHECK(failed == 0, "{} of {} runs failed; their output is in {}/logs", failed, runs, command.out);
}

}  // namespace

}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa::tools;
  Command c;
  constexpr double kTestFraction = 0.2;
  c.run.test_fraction = kTestFraction;
  CommandLine line(
      "Trains several architectures with several seeds and compares them: metrics on the test set, performance "
      "relative "
      "to single-task learning, cost. Has all of train's options. Finished runs are reused, others go on.",
      "compare");
  line.option("--archs", c.archs, "architectures to compare, comma-separated").split_at_comma();
  line.option("--seeds", c.seeds, "a run of every architecture for each of these seeds, comma-separated")
      .split_at_comma();
  line.option("--out", c.out, "folder of the runs and tables, made if it does not exist");
  line.option("--sweep", c.sweep,
              "OPTION=VALUE,VALUE,...: an option of train with each of these values, where it matters (ctan-... for "
              "ctan, balancing not for stl); a row of the table for each");
  add_run_options(line, c.run);
  line.config_file("file with options");
  survive_closed_pipes();
  return run(
      line, argc, argv,
      [&] {
        check_command(c, std::vector<std::string>(argv + 1, argv + argc));
        if (c.run.fold.folds > 0 || !c.run.split_file.empty()) {
          if (c.run.test_fraction != kTestFraction)
            print_line("note: --test-fraction has no effect: {}",
                       c.run.split_file.empty() ? "each of the --folds tests once" : "--split-file says the parts");
          c.run.test_fraction = 0;
        }
        absolute_paths(&c.run);
        c.out = std::filesystem::absolute(c.out).lexically_normal().string();
        report(c);
      },
      kSmallerBatch);
}

// compare: trains several architectures with several seeds on one dataset, and says which is better and at what price.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "datasets/layouts/registry.h"
#include "tensor/file.h"
#include "tensor/folder_lock.h"
#include "tools/cli/program.h"
#include "tools/compare/comparison.h"
#include "tools/compare/evidence.h"
#include "tools/compare/plan.h"
#include "tools/compare/runs.h"
#include "tools/compare/subprocess.h"
#include "tools/compare/tuning.h"

namespace medusa::tools {

namespace {

namespace fs = std::filesystem;

// ---- the plan -------------------------------------------------------------------------------------------------------

// As a word for a shell.
std::string quoted(const std::string& word) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string("-_./=,:+").find(c) != std::string::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string text = "'";
  for (char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

// The same command for one run after the other, from the same folder.
void print_list(const std::vector<PlannedRun>& runs, const std::vector<std::string>& arguments) {
  std::string command = "cd " + quoted(fs::current_path().string()) + " && " + quoted(program_beside("compare"));
  for (const std::string& word : arguments)
    if (word != "--list" && !word.starts_with("--list=")) command += " " + quoted(word);
  for (const PlannedRun& run : runs) fmt::print("{} --only {}\n", command, quoted(run.name));
}

std::vector<PlannedRun> chosen(const std::vector<PlannedRun>& runs, const std::vector<std::string>& only) {
  if (only.empty()) return runs;
  std::vector<std::string> names;
  for (const PlannedRun& run : runs) names.push_back(run.name);
  for (const std::string& name : only) check_one_of("--only", name, names);
  std::vector<PlannedRun> some;
  for (const PlannedRun& run : runs)
    if (std::find(only.begin(), only.end(), run.name) != only.end()) some.push_back(run);
  return some;
}

// ---- the tables -----------------------------------------------------------------------------------------------------

void write_tables(const CompareCommand& command, const Comparison& comparison) {
  const std::vector<Evidence> evidence = evidence_of(comparison);
  const FolderLock lock(command.out, std::chrono::minutes(1));  // another compare may end at the same moment
  write_file(command.out + "/table.json", table_json(comparison, evidence));
  write_file(command.out + "/table.html", table_html(comparison, evidence));
  const std::string table = table_markdown(comparison, evidence);
  write_file(command.out + "/table.md", table);
  print_lines("\n" + table + "\n");
  print_line("The same in {}/table.md, table.json and, with a chart, table.html", command.out);
}

void check_failures(const CompareCommand& command, std::size_t failed, std::size_t runs) {
  MEDUSA_CHECK(failed == 0, "{} of {} runs failed; their output is in {}/logs", failed, runs, command.out);
}

void collect(const CompareCommand& command, const std::vector<PlannedRun>& runs, const Failures& failures,
             Comparison comparison) {
  read_runs(runs, failures, &comparison);
  std::size_t all = 0, failed = 0, missing = 0;
  for (const Variant& variant : comparison.variants)
    for (const RunRecord& run : variant.runs) {
      all += 1;
      missing += run.missing ? 1 : 0;
      failed += run.failure.empty() || run.missing ? 0 : 1;
      if (command.collect && run.missing) print_line("missing: {} {}", run.name, run.failure);
    }
  MEDUSA_CHECK(missing < all, "{}: none of the {} runs is finished", command.out, all);
  write_tables(command, comparison);
  check_failures(command, failed, all);
  MEDUSA_CHECK(missing == 0, "{} of {} runs are missing; the same command without --collect trains them", missing, all);
}

// ---- the whole ------------------------------------------------------------------------------------------------------

// Those of `runs` whose names are not among the others.
std::vector<PlannedRun> without(const std::vector<PlannedRun>& runs, const std::vector<PlannedRun>& others) {
  std::vector<PlannedRun> some;
  for (const PlannedRun& run : runs)
    if (std::none_of(others.begin(), others.end(), [&](const PlannedRun& o) { return o.name == run.name; }))
      some.push_back(run);
  return some;
}

// The runs that are known: those that decide for --tune, then those of the rows that are decided.
std::vector<PlannedRun> known_runs(const std::vector<PlannedRun>& tuning, const std::vector<PlannedRun>& runs) {
  std::vector<PlannedRun> all = tuning;
  for (const PlannedRun& run : without(runs, tuning)) all.push_back(run);
  return all;
}

// What the tables say about the whole.
Comparison describe(const CompareCommand& command, const datasets::Dataset& dataset) {
  Comparison comparison;
  comparison.select = command.run.select;
  comparison.seeds.assign(command.seeds.begin(), command.seeds.end());
  comparison.folds = command.run.fold.folds;
  comparison.about =
      fmt::format("{}: {} samples, {} epochs{}", fs::path(command.run.data).filename().string(), dataset.size(),
                  command.run.epochs, command.match_parameters ? ", as many parameters in each row to 2 %" : "");
  if (command.tune.empty()) return comparison;
  const Round first = plan_rounds(command).front();
  comparison.tuned = tuned_option(command);
  comparison.tuned_on =
      fmt::format("seed {}{}", first.seed, first.fold < 0 ? "" : fmt::format(", fold {}", first.fold));
  return comparison;
}

void print_undecided(const std::vector<Variant>& rows) {
  std::string names;
  for (const Variant& row : rows)
    if (!row.decided) names += (names.empty() ? "" : ", ") + row.name;
  if (!names.empty())
    print_error_line("note: --tune has not decided yet for " + names +
                     "; when these runs are finished, --list prints the others too");
}

// Trains the runs that decide for --tune, then those of the rows, and makes the tables.
void train_all(const CompareCommand& command, const datasets::Dataset& dataset, const std::vector<Variant>& candidates,
               const std::vector<PlannedRun>& tuning, Comparison comparison) {
  Failures failures;
  if (!tuning.empty()) {
    failures = train_runs(command, dataset, tuning);
    comparison.variants = choose_rows(command, candidates, failures, &comparison.tasks);
    for (const Variant& row : comparison.variants)
      if (!row.tuned.empty()) print_line("--tune: {}", choice_text(row));
  }
  const std::vector<PlannedRun> runs = plan_runs(command, comparison.variants), others = without(runs, tuning);
  check_begun(others, dataset);
  failures.merge(train_runs(command, dataset, others));
  collect(command, runs, failures, comparison);
}

void compare(const CompareCommand& command, const std::vector<std::string>& arguments) {
  std::vector<Variant> candidates = plan_rows(command);
  plan_runs(command, candidates);  // refuses what no run can be
  const auto dataset = datasets::open_dataset(dataset_options(command.run));
  if (command.match_parameters) match_parameters(command, *dataset, &candidates);
  Comparison comparison = describe(command, *dataset);
  const std::vector<PlannedRun> tuning = tuning_runs(command, candidates);
  check_begun(tuning, *dataset);
  comparison.variants = choose_rows(command, candidates, {}, &comparison.tasks);
  const std::vector<PlannedRun> runs = plan_runs(command, comparison.variants);
  const std::vector<PlannedRun> known = chosen(known_runs(tuning, runs), command.only);
  const std::vector<std::string> notes = split_notes(command, candidates.front(), *dataset);
  if (command.list) {
    print_undecided(comparison.variants);
    return print_list(known, arguments);
  }
  for (const std::string& note : notes) print_line("note: {}", note);
  for (const Variant& row : candidates)
    if (!row.widths.empty()) print_line("--match-parameters: {}", row.name);
  check_begun(without(known, tuning), *dataset);
  if (command.collect) return collect(command, runs, {}, comparison);
  make_folders(command.out + "/logs");
  if (command.only.empty()) return train_all(command, *dataset, candidates, tuning, comparison);
  check_failures(command, train_runs(command, *dataset, known).size(), known.size());
}

}  // namespace

}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa::tools;
  CompareCommand c;
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
  line.option("--tune", c.tune,
              "OPTION=VALUE,VALUE,...: as --sweep, but one row, with the value that is best on the validation set of "
              "the first seed (and fold); the other runs have that value only");
  line.flag("--match-parameters", c.match_parameters,
            "widen the rows that have fewer parameters than the largest one until they are within 2 % of it");
  line.option("--jobs", c.jobs, "trainings side by side; they share the machine's threads").range(1, 256);
  line.flag("--list", c.list, "train nothing: print a command for each run, which trains it or goes on with it")
      .not_in_config();
  line.flag("--collect", c.collect, "train nothing: make the tables of the runs that are finished").not_in_config();
  line.option("--only", c.only, "train only the runs of these names, comma-separated, and make no table")
      .split_at_comma()
      .not_in_config();
  add_run_options(line, c.run);
  line.config_file("file with options");
  survive_closed_pipes();
  return run(
      line, argc, argv,
      [&] {
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        check_command(c, arguments);
        if (c.run.fold.folds > 0 || !c.run.split_file.empty()) {
          if (c.run.test_fraction != kTestFraction)
            print_error_line(fmt::format(
                "note: --test-fraction has no effect: {}",
                c.run.split_file.empty() ? "each of the --folds tests once" : "--split-file says the parts"));
          c.run.test_fraction = 0;
        }
        absolute_paths(&c.run);
        c.out = std::filesystem::absolute(c.out).lexically_normal().string();
        compare(c, arguments);
      },
      kSmallerBatch);
}

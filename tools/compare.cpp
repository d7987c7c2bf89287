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

void collect(const CompareCommand& command, const std::vector<PlannedRun>& runs,
             const std::vector<std::string>& failures, Comparison comparison) {
  read_runs(runs, failures, &comparison);
  std::size_t failed = 0, missing = 0;
  for (const Variant& variant : comparison.variants)
    for (const RunRecord& run : variant.runs) {
      missing += run.missing ? 1 : 0;
      failed += run.failure.empty() || run.missing ? 0 : 1;
      if (command.collect && run.missing) print_line("missing: {} {}", run.name, run.failure);
    }
  MEDUSA_CHECK(missing < runs.size(), "{}: none of the {} runs is finished", command.out, runs.size());
  write_tables(command, comparison);
  MEDUSA_CHECK(failed == 0, "{} of {} runs failed; their output is in {}/logs", failed, runs.size(), command.out);
  MEDUSA_CHECK(missing == 0, "{} of {} runs are missing; the same command without --collect trains them", missing,
               runs.size());
}

void compare(const CompareCommand& command, const std::vector<std::string>& arguments) {
  Comparison comparison;
  comparison.variants = plan_rows(command);
  comparison.select = command.run.select;
  plan_runs(command, comparison.variants);  // refuses what no run can be
  const auto dataset = datasets::open_dataset(dataset_options(command.run));
  if (command.match_parameters) match_parameters(command, *dataset, &comparison.variants);
  comparison.seeds.assign(command.seeds.begin(), command.seeds.end());
  comparison.folds = command.run.fold.folds;
  comparison.about =
      fmt::format("{}: {} samples, {} epochs{}", fs::path(command.run.data).filename().string(), dataset->size(),
                  command.run.epochs, command.match_parameters ? ", as many parameters in each row to 2 %" : "");
  const std::vector<PlannedRun> runs = chosen(plan_runs(command, comparison.variants), command.only);
  const std::vector<std::string> notes = split_notes(command, *dataset);
  if (command.list) return print_list(runs, arguments);
  for (const std::string& note : notes) print_line("note: {}", note);
  for (const Variant& row : comparison.variants)
    if (!row.widths.empty()) print_line("--match-parameters: {}", row.name);
  check_begun(runs, *dataset);
  if (command.collect) return collect(command, runs, {}, comparison);
  make_folders(command.out + "/logs");
  const std::vector<std::string> failures = train_runs(command, *dataset, runs);
  if (command.only.empty()) return collect(command, runs, failures, comparison);
  const auto failed = std::count_if(failures.begin(), failures.end(), [](const auto& f) { return !f.empty(); });
  MEDUSA_CHECK(failed == 0, "{} of {} runs failed; their output is in {}/logs", failed, runs.size(), command.out);
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

#include "tools/compare/runs.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include "mtl/training/progress.h"
#include "mtl/training/provenance.h"
#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/folder_lock.h"
#include "tensor/parallel.h"
#include "tools/cli/program.h"
#include "tools/compare/memory.h"
#include "tools/compare/subprocess.h"

namespace medusa::tools {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Whether an option may differ from the value that a run was begun with, to resume the run or, if it is finished, to
// list it in the table.  The data may not: nothing checks again whether the samples are the same.
bool may_change(const OptionRow& row) { return row.effect == OptionRow::Effect::Nothing && !row.shared; }

void check_same(const std::string& folder, const RunOptions& now) {
  RunOptions before = read_run_options(folder);
  absolute_paths(&before);
  const auto change = first_change(before, now, may_change);
  MEDUSA_CHECK_INPUT(!change, "{}: was made with --{} {}, not {}; another --out begins a new comparison", folder,
                     change->name, change->before, change->now);
}

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

std::string log_of(const CompareCommand& command, const PlannedRun& run) {
  return command.out + "/logs/" + run.name + ".log";
}

// The command that trains a run or goes on with it.
std::vector<std::string> training(const CompareCommand& command, const PlannedRun& run, int threads) {
  std::vector<std::string> words{program_beside("train"), "--out", run.folder};
  const mtl::RunFolder folder(run.folder);
  if (folder.begun()) {
    words.push_back("--resume");
    for (const ConfigEntry& entry : config_entries(run.options))
      if (may_change(entry) && (threads == 0 || entry.name != "threads"))
        add_option(entry.name, text_of_toml(entry.value), &words);
  } else {
    folder.remove_unfinished();  // if it was stopped before it had begun
    const std::string config = command.out + "/logs/" + run.name + ".toml";
    write_file(config, config_text(run.options));
    words.insert(words.end(), {"--config", config});
  }
  if (threads > 0) add_option("threads", fmt::format("{}", threads), &words);
  return words;
}

std::string validation_text(const PlannedRun& run) {
  std::vector<JudgedTask> tasks;
  const auto val = read_validation(run.folder, &tasks);
  std::string text;
  for (const JudgedTask& task : tasks)
    text += fmt::format("{}{} {} {:.4f}", text.empty() ? "" : ", ", task.name, task.metric,
                        val.at(task.name).at(task.metric));
  return text;
}

// Holds a run for this program.
struct Claim {
  std::unique_ptr<FolderLock> lock;
  std::string busy;  // which other program has it
};

// The lock is a folder of its own: train locks the run's, and must be able to.
Claim claim(const CompareCommand& command, const PlannedRun& run) {
  const std::string folder = command.out + "/logs/" + run.name + ".lock";
  make_folders(folder);
  try {
    Claim mine{std::make_unique<FolderLock>(folder), ""};
    if (fs::is_directory(run.folder)) FolderLock(run.folder);  // a training that its compare did not survive
    return mine;
  } catch (const InputError& error) {
    return {nullptr, error.what()};
  }
}

class Trainings {
 public:
  Trainings(const CompareCommand& command, const datasets::Dataset& dataset, const std::vector<PlannedRun>& runs)
      : command_(command), dataset_(dataset), runs_(runs), said_(runs.size(), false) {
    for (std::size_t r = 0; r < runs.size(); ++r) waiting_.push_back(r);
    std::vector<RunOptions> unfinished;
    for (const PlannedRun& run : runs)
      if (!mtl::RunFolder(run.folder).finished()) unfinished.push_back(run.options);
    jobs_ = std::min(static_cast<std::size_t>(command.jobs), std::max<std::size_t>(unfinished.size(), 1));
    if (jobs_ == 1) return;
    if (command.run.threads == 0) threads_ = std::max(1, threads() / static_cast<int>(jobs_));
    print_line("{}", check_memory(unfinished, dataset, jobs_));
  }
  ~Trainings() { end_children(); }  // where an error ends the comparison

  Failures work() {
    catch_stop_signals();
    while (!waiting_.empty() || !running_.empty()) {
      if (!interrupted()) start_some();
      if (running_.empty() && (waiting_.empty() || interrupted())) break;
      const bool others = running_.size() < jobs_ && !waiting_.empty() && !interrupted();
      if (const auto ended = wait_for_child(/*block=*/!others && !running_.empty()))
        finish(*ended);
      else
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    MEDUSA_CHECK(!interrupted(), "interrupted; the same command resumes it");
    return std::move(failures_);
  }

 private:
  struct Training {
    std::size_t run;
    std::unique_ptr<FolderLock> lock;
    Clock::time_point begin;
    bool went_on;
  };

  void start_some() {
    for (auto at = waiting_.begin(); at != waiting_.end() && running_.size() < jobs_ && !interrupted();)
      at = start(*at) ? waiting_.erase(at) : at + 1;
  }

  // False if another program is working on the run.
  bool start(std::size_t r) {
    const PlannedRun& run = runs_[r];
    const mtl::RunFolder folder(run.folder);
    if (folder.finished()) {
      tell(r, "was finished before");
      return true;
    }
    Claim mine = claim(command_, run);
    if (!mine.lock) {
      if (!said_[r]) print_line("{}: left to another program: {}", run.name, mine.busy);
      std::fflush(stdout);
      said_[r] = true;
      return false;
    }
    if (said_[r]) check_begun({run}, dataset_);
    if (folder.finished()) {
      tell(r, "was finished meanwhile by another program");
      return true;
    }
    const bool begun = folder.begun();
    const std::vector<std::string> words = training(command_, run, threads_);
    const std::string log = log_of(command_, run);
    fs::remove(log);
    const int child = start_child(words, log);
    running_[child] = {r, std::move(mine.lock), Clock::now(), begun};
    return true;
  }

  void finish(const EndedChild& ended) {
    const auto found = running_.find(ended.child);
    const Training training = std::move(found->second);
    running_.erase(found);
    if (!ended.failure.empty()) failures_[runs_[training.run].name] = ended.failure;
    const std::chrono::duration<double> took = Clock::now() - training.begin;
    if (ended.failure.empty())
      tell(training.run, (training.went_on ? "went on, " : "") + mtl::clock_text(took.count()));
    else
      print_line("[{}/{}] {}: {}{}", ++done_, runs_.size(), runs_[training.run].name,
                 interrupted() ? "" : "FAILED: ", ended.failure);
    std::fflush(stdout);
  }

  void tell(std::size_t r, const std::string& how) {
    const PlannedRun& run = runs_[r];
    print_line("[{}/{}] {}: {}; validation: {}", ++done_, runs_.size(), run.name, how, validation_text(run));
    std::fflush(stdout);
  }

  const CompareCommand& command_;
  const datasets::Dataset& dataset_;
  const std::vector<PlannedRun>& runs_;
  Failures failures_;
  std::vector<bool> said_;  // that another program has the run
  std::vector<std::size_t> waiting_;
  std::map<int, Training> running_;
  std::size_t jobs_ = 1, done_ = 0;
  int threads_ = 0;  // of each child; 0: as the options say
};

}  // namespace

void check_begun(const std::vector<PlannedRun>& runs, const datasets::Dataset& dataset) {
  for (const PlannedRun& run : runs) {
    if (!mtl::RunFolder(run.folder).begun()) continue;
    check_same(run.folder, run.options);
    check_data(run.folder, run.options, dataset);
  }
}

Failures train_runs(const CompareCommand& command, const datasets::Dataset& dataset,
                    const std::vector<PlannedRun>& runs) {
  return Trainings(command, dataset, runs).work();
}

RunRecord record_without_results(const PlannedRun& planned, const Failures& failures) {
  const mtl::RunFolder folder(planned.folder);
  RunRecord run;
  run.folder = planned.folder;
  run.name = planned.name;
  run.seed = planned.round.seed;
  run.fold = planned.round.fold;
  if (const auto failure = failures.find(planned.name); failure != failures.end()) run.failure = failure->second;
  if (run.failure.empty() && !folder.finished()) {
    run.missing = true;
    run.failure = folder.begun() ? "is not finished" : "has not begun";
  }
  return run;
}

void read_runs(const std::vector<PlannedRun>& runs, const Failures& failures, Comparison* comparison) {
  for (const PlannedRun& planned : runs) {
    RunRecord run = record_without_results(planned, failures);
    if (run.failure.empty()) read_run(planned.options.batch, &run, &comparison->tasks);
    comparison->variants[planned.variant].runs.push_back(run);
  }
}

}  // namespace medusa::tools

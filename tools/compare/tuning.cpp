#include "tools/compare/tuning.h"

#include <cmath>

#include "mtl/training/selection.h"
#include "tensor/check.h"

namespace medusa::tools {

namespace {

double score_of(const Candidate& candidate, const std::vector<JudgedTask>& tasks) {
  std::vector<mtl::Judged> figures;
  for (const JudgedTask& task : tasks)
    figures.push_back({candidate.val.at(task.name).at(task.metric), task.larger_is_better});
  return mtl::score(figures);
}

// `planned`: the finished run of `variant`.
Candidate read_candidate(const Variant& variant, const PlannedRun& planned, std::vector<JudgedTask>* tasks) {
  Candidate candidate{variant.name, variant.tuned, planned.name, read_validation(planned.folder, tasks)};
  candidate.score = score_of(candidate, *tasks);
  MEDUSA_CHECK_INPUT(!std::isnan(candidate.score),
                     "{}: no task has a value on the validation set, from which --tune could choose", planned.folder);
  return candidate;
}

// One row of its candidates, which are [first, end) of `candidates`.
Variant choose(const CompareCommand& command, const std::vector<Variant>& candidates, std::size_t first,
               std::size_t end, const Failures& failures, std::vector<JudgedTask>* tasks) {
  const Round round = plan_rounds(command).front();
  std::vector<Candidate> finished;
  std::vector<RunRecord> others;
  std::size_t best = first;
  double best_score = std::nan("");
  for (std::size_t k = first; k < end; ++k) {
    const PlannedRun planned = plan_run(command, candidates, k, round);
    RunRecord record = record_without_results(planned, failures);
    if (!record.failure.empty()) {
      others.push_back(std::move(record));
      continue;
    }
    finished.push_back(read_candidate(candidates[k], planned, tasks));
    if (const double now = finished.back().score; std::isnan(best_score) || now > best_score)
      best = k, best_score = now;
  }
  Variant row = candidates[best];
  row.candidates = std::move(finished);
  if (others.empty()) return row;
  row.name = row.row;
  row.tuned.clear();
  row.decided = false;
  row.runs = std::move(others);
  return row;
}

}  // namespace

std::vector<PlannedRun> tuning_runs(const CompareCommand& command, const std::vector<Variant>& candidates) {
  std::vector<PlannedRun> runs;
  for (std::size_t k = 0; k < candidates.size(); ++k)
    if (!candidates[k].tuned.empty()) runs.push_back(plan_run(command, candidates, k, plan_rounds(command).front()));
  return runs;
}

std::vector<Variant> choose_rows(const CompareCommand& command, const std::vector<Variant>& candidates,
                                 const Failures& failures, std::vector<JudgedTask>* tasks) {
  std::vector<Variant> rows;
  for (std::size_t first = 0, end = 0; first < candidates.size(); first = end) {
    for (end = first + 1; end < candidates.size() && candidates[end].row == candidates[first].row;) ++end;
    rows.push_back(candidates[first].tuned.empty() ? candidates[first]
                                                   : choose(command, candidates, first, end, failures, tasks));
  }
  find_baselines(&rows);
  return rows;
}

std::string choice_text(const Variant& row) {
  std::string text;
  for (const Candidate& candidate : row.candidates)
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", candidate.tuned, candidate.score);
  return fmt::format("{} is chosen; validation scores: {}", row.name, text);
}

}  // namespace medusa::tools

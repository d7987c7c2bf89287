#include "tools/compare/evidence.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "mtl/networks/model_file.h"
#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tools/report/case_file.h"

namespace medusa::tools {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kEnoughRuns = 3;
constexpr std::uint64_t kSeed = 2003;  // of the draws: the same for every pair, so that a table can be made again

// What is known of a run's cases in the test set.
struct RunCases {
  std::vector<mtl::Task> tasks;
  CaseFile file;
  std::string missing;  // why there are none; "": there are
};

RunCases read_run_cases(const RunRecord& run) {
  const mtl::RunFolder folder(run.folder);
  const std::string path = folder.table_file("cases", "test");
  RunCases cases;
  if (!folder.provenance()) {
    cases.missing = run.name + ": an older version made it, nothing says which cases its figures are of";
    return cases;
  }
  if (!std::filesystem::exists(path)) {
    cases.missing =
        fmt::format("{} has no table of cases; evaluate --run {} --split test makes it", run.name, run.folder);
    return cases;
  }
  cases.tasks = mtl::read_model_config(folder.file(mtl::RunFile::Best)).tasks;
  cases.file = read_cases(path, cases.tasks);
  return cases;
}

// The table of a task, checked: its cases give the metric that the result has.
const mtl::CaseTable& table_of(const RunCases& cases, const RunRecord& run, const JudgedTask& judged,
                               const mtl::Task** task) {
  const auto at =
      std::find_if(cases.tasks.begin(), cases.tasks.end(), [&](const mtl::Task& t) { return t.name == judged.name; });
  const std::string path = mtl::RunFolder(run.folder).table_file("cases", "test");
  MEDUSA_CHECK_INPUT(at != cases.tasks.end(), "{}: its run has no task {}", path, judged.name);
  *task = &*at;
  const mtl::CaseTable& table = cases.file.tables[static_cast<std::size_t>(at - cases.tasks.begin())];
  if (table.size() == 0) return table;
  const double found = mtl::figure_of(*at, judged.metric, table)(table.all()), result = value_of(run, judged);
  MEDUSA_CHECK_INPUT((std::isnan(found) && std::isnan(result)) || std::abs(found - result) <= 1e-9 * std::abs(result),
                     "{}: its cases give {} a {} of {}, the run's result says {}; evaluate --split test makes it anew",
                     path, judged.name, judged.metric, found, result);
  return table;
}

// Both runs' cases in one table: those of the first, then those of the second in the same order.
struct Pair {
  mtl::CaseTable table;
  std::size_t size = 0;
  Groups groups;
};

Pair pair_of(const mtl::CaseTable& first, const mtl::CaseTable& second, const CaseFile& file,
             const std::string& where) {
  std::map<std::string, std::size_t> in_second;
  for (std::size_t row = 0; row < second.size(); ++row) in_second[second.ids()[row]] = row;
  MEDUSA_CHECK_INPUT(first.size() == second.size(), "{}: the two runs judged {} and {} cases of one test set", where,
                     first.size(), second.size());
  Pair pair;
  pair.size = first.size();
  const auto add = [&](const mtl::CaseTable& table, std::size_t row) {
    std::map<std::string, double> values;
    for (const std::string& name : table.names()) values[name] = table.column(name)[row];
    pair.table.add(table.ids()[row], values);
  };
  for (std::size_t row = 0; row < first.size(); ++row) add(first, row);
  for (const std::string& id : first.ids()) {
    const auto row = in_second.find(id);
    MEDUSA_CHECK_INPUT(row != in_second.end(), "{}: only one of the two runs judged case {}", where, id);
    add(second, row->second);
  }
  std::map<std::string, std::string> group_of;
  for (const CaseName& name : file.names) group_of[name.id] = name.group;
  std::vector<std::string> groups;
  for (const std::string& id : first.ids()) groups.push_back(group_of.at(id));
  pair.groups = group_cases(groups);
  return pair;
}

CaseEvidence over_cases(const RunRecord& run, const RunCases& cases, const RunRecord& baseline,
                        const RunCases& its_cases, const JudgedTask& judged) {
  CaseEvidence evidence{run.name, baseline.name, 0, 0, kNaN, kNaN, kNaN, {kNaN, kNaN}, ""};
  evidence.missing = !cases.missing.empty() ? cases.missing : its_cases.missing;
  if (!evidence.missing.empty()) return evidence;
  const mtl::Task* task = nullptr;
  const mtl::CaseTable& other = table_of(its_cases, baseline, judged, &task);
  const mtl::CaseTable& own = table_of(cases, run, judged, &task);
  const Pair pair = pair_of(own, other, cases.file, run.folder + " and " + baseline.name);
  evidence.cases = pair.size;
  evidence.groups = pair.groups.size();
  if (pair.size == 0) return evidence;
  const auto metric = mtl::figure_of(*task, judged.metric, pair.table);
  // The metric of the first run's cases minus that of the second's, where `swapped` says they changed places.
  mtl::Rows first(pair.size), second(pair.size);
  const auto difference = [&](const std::vector<std::size_t>& chosen, const std::vector<bool>* swapped) {
    first.resize(chosen.size());
    second.resize(chosen.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const bool swap = swapped != nullptr && (*swapped)[chosen[i]];
      first[i] = chosen[i] + (swap ? pair.size : 0);
      second[i] = chosen[i] + (swap ? 0 : pair.size);
    }
    return metric(first) - metric(second);
  };
  mtl::Rows all(pair.size);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  evidence.difference = difference(all, nullptr);
  evidence.interval = bootstrap_interval(
      [&](const std::vector<std::size_t>& chosen) { return difference(chosen, nullptr); }, pair.groups, kSeed);
  evidence.p = permutation_p([&](const std::vector<bool>& swapped) { return difference(all, &swapped); }, pair.groups,
                             pair.size, kSeed);
  return evidence;
}

// The mean over the runs of test / train, numbers of samples; NaN where a run does not say.
double test_per_train(const Variant& variant) {
  double sum = 0, count = 0;
  for (const RunRecord& run : variant.runs) {
    if (!run.failure.empty()) continue;
    sum += run.test_per_train;
    count += 1;
  }
  return sum / count;
}

TResult over_runs(const std::vector<double>& values, double ratio) {
  const TResult found = corrected_t(values, std::isnan(ratio) ? 0 : ratio);
  if (values.size() < kEnoughRuns || std::isnan(ratio)) return {found.mean, kNaN, {kNaN, kNaN}};
  return found;
}

void correct_by_holm(std::vector<Evidence>* all) {
  std::vector<double> p;
  for (const Evidence& e : *all) p.push_back(e.runs.p);
  const std::vector<double> adjusted = holm(p);
  for (std::size_t i = 0; i < all->size(); ++i) (*all)[i].p_holm = adjusted[i];
  // The hypotheses of one baseline run are tested on the same cases: a family for each.
  std::map<std::string, std::vector<CaseEvidence*>> families;
  for (Evidence& e : *all)
    for (CaseEvidence& c : e.cases) families[c.baseline].push_back(&c);
  for (auto& [baseline, members] : families) {
    std::vector<double> family;
    for (const CaseEvidence* member : members) family.push_back(member->p);
    const std::vector<double> corrected = holm(family);
    for (std::size_t i = 0; i < members.size(); ++i) members[i]->p_holm = corrected[i];
  }
}

}  // namespace

Interval mean_interval(const Variant& variant, const JudgedTask& task) {
  return over_runs(metric_spread(variant, task.name, task.metric).values, test_per_train(variant)).interval;
}

double log_change(const Comparison& c, const Variant& variant, const JudgedTask& task) {
  double sum = 0, count = 0;
  for (const auto& [run, baseline] : pairs_of(c, variant)) {
    const double ratio = value_of(*run, task) / value_of(*baseline, task);
    if (std::isnan(ratio)) continue;
    if (!(ratio > 0) || std::isinf(ratio)) return kNaN;
    sum += (task.larger_is_better ? 1 : -1) * std::log(ratio);
    count += 1;
  }
  return count > 0 ? 100 * (std::exp(sum / count) - 1) : kNaN;
}

std::vector<Evidence> evidence_of(const Comparison& c) {
  std::map<std::string, RunCases> cases;
  const auto cases_of = [&](const RunRecord& run) -> const RunCases& {
    const auto [at, added] = cases.try_emplace(run.folder);
    if (added) at->second = read_run_cases(run);
    return at->second;
  };
  std::vector<Evidence> all;
  for (std::size_t v = 0; v < c.variants.size(); ++v) {
    const Variant& variant = c.variants[v];
    if (variant.baseline < 0) continue;
    for (std::size_t t = 0; t < c.tasks.size(); ++t) {
      const JudgedTask& task = c.tasks[t];
      Evidence evidence{v, t, {kNaN, kNaN, {kNaN, kNaN}}, kNaN, log_change(c, variant, task), {}};
      std::vector<double> differences;
      for (const auto& [run, baseline] : pairs_of(c, variant)) {
        const double difference = value_of(*run, task) - value_of(*baseline, task);
        if (!std::isnan(difference)) differences.push_back(difference);
        evidence.cases.push_back(over_cases(*run, cases_of(*run), *baseline, cases_of(*baseline), task));
      }
      evidence.runs = over_runs(differences, test_per_train(variant));
      all.push_back(std::move(evidence));
    }
  }
  correct_by_holm(&all);
  return all;
}

}  // namespace medusa::tools

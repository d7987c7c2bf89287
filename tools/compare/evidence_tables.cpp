#include "tools/compare/evidence_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace medusa::tools {

using Json = nlohmann::ordered_json;

namespace {

std::string interval_text(const Interval& interval, bool with_sign = false) {
  if (std::isnan(interval.low) || std::isnan(interval.high)) return "-";
  return with_sign ? fmt::format("{:+.3f} to {:+.3f}", interval.low, interval.high)
                   : fmt::format("{:.3f} to {:.3f}", interval.low, interval.high);
}

std::string p_text(double p) {
  if (std::isnan(p)) return "-";
  return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p);
}

std::string signed_text(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:+.{}f}", value, digits);
}

// "2 of 3": in how many runs the cases alone tell the two networks apart.
std::string cases_text(const std::vector<CaseEvidence>& cases) {
  std::size_t known = 0, sure = 0;
  for (const CaseEvidence& c : cases) {
    if (std::isnan(c.p)) continue;
    ++known;
    sure += c.p < 0.05;
  }
  return known == 0 ? "-" : fmt::format("{} of {}", sure, known);
}

}  // namespace

std::vector<std::vector<std::string>> evidence_rows(const Comparison& c, const std::vector<Evidence>& evidence) {
  std::vector<std::vector<std::string>> rows{{"network", "task", "mean", "95 % interval", "minus STL", "95 % interval",
                                              "p", "p, Holm", "ratio, %", "mean of %", "sure by cases"}};
  for (std::size_t t = 0; t < c.tasks.size(); ++t)
    for (std::size_t v = 0; v < c.variants.size(); ++v) {
      const JudgedTask& task = c.tasks[t];
      const Variant& variant = c.variants[v];
      const Spread spread = metric_spread(variant, task.name, task.metric);
      std::vector<std::string> row{variant.name, task.name + " " + task.metric,
                                   spread.values.empty() ? "-" : fmt::format("{:.3f}", spread.mean()),
                                   interval_text(mean_interval(variant, task))};
      const auto e = std::find_if(evidence.begin(), evidence.end(),
                                  [&](const Evidence& one) { return one.variant == v && one.task == t; });
      if (e == evidence.end())
        row.resize(rows[0].size());
      else
        for (const std::string& cell : {signed_text(e->runs.mean, 3), interval_text(e->runs.interval, true),
                                        p_text(e->runs.p), p_text(e->p_holm), signed_text(e->log_change, 1),
                                        signed_text(relative_spread(c, variant, task).mean(), 1), cases_text(e->cases)})
          row.push_back(cell);
      rows.push_back(row);
    }
  return rows;
}

std::string evidence_explanation(const Comparison& c) {
  std::string text =
      "Intervals and p over the runs: Student's t on the runs' differences, with a variance that takes into account "
      "that the runs' samples overlap (Nadeau and Bengio 2003); from 3 runs on. p, Holm: corrected for the number of "
      "rows and tasks. ratio: geometric mean of M / M_STL, in percent better; mean of %: the arithmetic mean, as in "
      "the "
      "table above, which the baseline's noise biases. sure by cases: in how many runs p is below 0.05 when the two "
      "networks' predictions for the cases of the test set are swapped by chance.";
  if (static_cast<std::int64_t>(c.seeds.size()) * std::max<std::int64_t>(c.folds, 1) < 3)
    text += " With fewer than 3 runs there is no interval.";
  return text;
}

std::vector<std::string> missing_cases(const std::vector<Evidence>& evidence) {
  std::vector<std::string> lines;
  for (const Evidence& e : evidence)
    for (const CaseEvidence& c : e.cases)
      if (!c.missing.empty() && std::find(lines.begin(), lines.end(), c.missing) == lines.end())
        lines.push_back(c.missing);
  return lines;
}

Json number_json(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json interval_json(const Interval& interval) { return {number_json(interval.low), number_json(interval.high)}; }

Json evidence_json(const Evidence& e) {
  Json json{{"difference", number_json(e.runs.mean)},
            {"interval", interval_json(e.runs.interval)},
            {"p", number_json(e.runs.p)},
            {"p_holm", number_json(e.p_holm)},
            {"ratio_percent", number_json(e.log_change)},
            {"runs", Json::array()}};
  for (const CaseEvidence& c : e.cases) {
    Json run{{"run", c.run},
             {"baseline", c.baseline},
             {"cases", c.cases},
             {"groups", c.groups},
             {"difference", number_json(c.difference)},
             {"interval", interval_json(c.interval)},
             {"p", number_json(c.p)},
             {"p_holm", number_json(c.p_holm)}};
    if (!c.missing.empty()) run["missing"] = c.missing;
    json["runs"].push_back(run);
  }
  return json;
}

}  // namespace medusa::tools

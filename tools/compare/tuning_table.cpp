#include "tools/compare/tuning_table.h"

#include <fmt/format.h>

#include <cmath>

#include "tools/compare/evidence_tables.h"

namespace medusa::tools {

using Json = nlohmann::ordered_json;

std::vector<std::vector<std::string>> tuning_rows(const Comparison& c) {
  std::vector<std::vector<std::string>> rows{{"candidate"}};
  for (const JudgedTask& task : c.tasks) rows[0].push_back(task.name + " " + task.metric);
  rows[0].insert(rows[0].end(), {"score", "chosen"});
  for (const Variant& variant : c.variants)
    for (const Candidate& candidate : variant.candidates) {
      std::vector<std::string> row{candidate.name};
      for (const JudgedTask& task : c.tasks) {
        const double value = candidate.val.at(task.name).at(task.metric);
        row.push_back(std::isnan(value) ? "-" : fmt::format("{:.3f}", value));
      }
      row.push_back(fmt::format("{:.4f}", candidate.score));
      row.push_back(!variant.decided ? "not yet" : candidate.tuned == variant.tuned ? "yes" : "");
      rows.push_back(row);
    }
  return rows;
}

std::string tuning_explanation(const Comparison& c) {
  std::string text = fmt::format(
      "Figures of the validation set, {}. Each row of the table has the {} with the best score: the mean over the "
      "tasks of the logarithm of the metric, minus where smaller is better. The other seeds and folds have trained "
      "with that value only. The test figures of the other values were not read.",
      c.tuned_on, c.tuned);
  for (const Variant& variant : c.variants)
    if (!variant.decided) text += fmt::format(" {} is not decided: some of its runs are not there.", variant.name);
  return text;
}

Json tuning_json(const Comparison& c, const Variant& row) {
  const auto value_of = [&](const std::string& setting) { return setting.substr(c.tuned.size() + 1); };
  Json json{{"option", c.tuned},
            {"value", row.decided ? Json(value_of(row.tuned)) : Json(nullptr)},
            {"on", c.tuned_on},
            {"candidates", Json::array()}};
  for (const Candidate& candidate : row.candidates) {
    Json entry{{"value", value_of(candidate.tuned)}, {"run", candidate.run}, {"score", number_json(candidate.score)}};
    for (const JudgedTask& task : c.tasks)
      entry["val"][task.name][task.metric] = number_json(candidate.val.at(task.name).at(task.metric));
    json["candidates"].push_back(entry);
  }
  return json;
}

}  // namespace medusa::tools

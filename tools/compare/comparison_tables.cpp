// table.md, table.json and table.html of a comparison.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tensor/text.h"
#include "tools/compare/comparison.h"
#include "tools/compare/evidence_tables.h"
#include "tools/compare/tuning_table.h"
#include "tools/report/svg.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> failures(const Comparison& c) {
  std::vector<std::string> lines;
  for (const Variant& variant : c.variants)
    for (const RunRecord& run : variant.runs)
      if (!run.failure.empty())
        lines.push_back(fmt::format("{} {}{}", run.name, run.missing ? "" : "failed: ", run.failure));
  return lines;
}

Spread cost(const Variant& variant, double RunRecord::*what) {
  Spread spread;
  for (const RunRecord& run : variant.runs)
    if (run.failure.empty()) spread.values.push_back(run.*what);
  return spread;
}

// Costs hardly differ between seeds: the mean alone.
std::string cost_text(const Variant& variant, double RunRecord::*what, int digits) {
  const Spread spread = cost(variant, what);
  return spread.values.empty() ? "-" : fmt::format("{:.{}f}", spread.mean(), digits);
}

// A figure of the bottleneck, by pair of tasks: over the runs that have one.
std::map<std::string, Spread> bottleneck(const Variant& variant, double Bottleneck::*what) {
  std::map<std::string, Spread> spreads;
  for (const RunRecord& run : variant.runs)
    for (const auto& [pair, figures] : run.bottleneck)
      if (!std::isnan(figures.*what)) spreads[pair].values.push_back(figures.*what);
  return spreads;
}

bool has_bottleneck(const Comparison& c) {
  return std::any_of(c.variants.begin(), c.variants.end(),
                     [](const Variant& v) { return !bottleneck(v, &Bottleneck::diagonal).empty(); });
}

// The means, pair by pair: "3.9 / 4.1".
std::string bottleneck_text(const Variant& variant, double Bottleneck::*what, int digits) {
  std::string text;
  for (const auto& [pair, spread] : bottleneck(variant, what))
    text += fmt::format("{}{:.{}f}", text.empty() ? "" : " / ", spread.mean(), digits);
  return text.empty() ? "-" : text;
}

std::vector<std::string> heads(const Comparison& c) {
  std::vector<std::string> cells{"network"};
  for (const JudgedTask& task : c.tasks) cells.push_back(task.name + " " + task.metric);
  if (has_baseline(c)) {
    for (const JudgedTask& task : c.tasks) cells.push_back(task.name + " vs STL, %");
    cells.push_back("average vs STL, %");
  }
  if (has_bottleneck(c)) cells.insert(cells.end(), {"bottleneck, bits", "diagonal"});
  for (const char* head : {"parameters", "GFLOP/image", "step, ms", "memory, MiB", "runs"}) cells.push_back(head);
  return cells;
}

std::vector<std::string> cells_of(const Comparison& c, const Variant& v) {
  std::vector<std::string> cells{v.name};
  for (const JudgedTask& task : c.tasks)
    cells.push_back(spread_text(metric_spread(v, task.name, task.metric), 3, v.runs.size()));
  if (has_baseline(c)) {
    const bool is_stl = v.arch == "stl";
    for (const JudgedTask& task : c.tasks)
      cells.push_back(is_stl ? "0" : spread_text(relative_spread(c, v, task), 1, v.runs.size(), true));
    cells.push_back(is_stl ? "0" : spread_text(average_spread(c, v), 1, v.runs.size(), true));
  }
  if (has_bottleneck(c)) {
    cells.push_back(bottleneck_text(v, &Bottleneck::entropy_bits, 1));
    cells.push_back(bottleneck_text(v, &Bottleneck::diagonal, 2));
  }
  cells.push_back(cost_text(v, &RunRecord::parameters, 0));
  cells.push_back(cost_text(v, &RunRecord::gflop_per_image, 3));
  cells.push_back(cost_text(v, &RunRecord::step_ms, 0));
  cells.push_back(cost_text(v, &RunRecord::peak_memory_mib, 0));
  const auto good = std::count_if(v.runs.begin(), v.runs.end(), [](const RunRecord& r) { return r.failure.empty(); });
  cells.push_back(good == static_cast<std::ptrdiff_t>(v.runs.size())
                      ? fmt::format("{}", good)
                      : fmt::format("{} of {}: the others {}", good, v.runs.size(),
                                    std::any_of(v.runs.begin(), v.runs.end(),
                                                [](const RunRecord& r) { return !r.failure.empty() && !r.missing; })
                                        ? "FAILED"
                                        : "are missing"));
  return cells;
}

// How the weights of each run were chosen.
std::string selection_text(const std::string& select) {
  if (select == "last") return "each run has the weights of its last epoch";
  return fmt::format("each run's weights were chosen on the validation set alone, {}",
                     select == "joint" ? "in one epoch for all tasks"
                                       : "in one epoch for each part that trains alone: each task of STL has its own");
}

std::string explanation(const Comparison& c) {
  const std::string folds = c.folds == 0 ? "" : fmt::format("{} folds, each with ", c.folds);
  std::string text = fmt::format("Test set; {}. Mean ± standard deviation over {}{} seed{}.", selection_text(c.select),
                                 folds, c.seeds.size(), c.seeds.size() == 1 ? "" : "s");
  if (has_baseline(c))
    text += " vs STL: change of the metric in percent of STL's with the same seed and data, larger is better.";
  if (has_bottleneck(c))
    text += " bottleneck: entropy of the attention between the tasks; diagonal: the share that stays at its own place.";
  return text;
}

Json spread_json(const Spread& spread) {
  return {{"mean", number_json(spread.mean())}, {"std", number_json(spread.std())}, {"values", spread.values}};
}

// {"<task>": {"<metric>": spread}} of all that the runs measured on one of their parts.
Json part_json(const Variant& v, std::map<std::string, std::map<std::string, double>> RunRecord::*part) {
  std::map<std::string, std::map<std::string, Spread>> spreads;
  for (const RunRecord& run : v.runs)
    for (const auto& [task, metrics] : run.*part)
      for (const auto& [metric, value] : metrics) {
        Spread& spread = spreads[task][metric];
        if (run.failure.empty() && !std::isnan(value)) spread.values.push_back(value);
      }
  Json json = Json::object();
  for (const auto& [task, metrics] : spreads)
    for (const auto& [metric, spread] : metrics) json[task][metric] = spread_json(spread);
  return json;
}

Json variant_json(const Comparison& c, std::size_t number, const std::vector<Evidence>& evidence) {
  const Variant& v = c.variants[number];
  Json row{{"name", v.name}, {"arch", v.arch}, {"setting", v.setting}};
  if (!v.widths.empty()) row["widths"] = v.widths;
  if (!v.tuned.empty() || !v.decided) row["tuned"] = tuning_json(c, v);
  row["test"] = part_json(v, &RunRecord::test);
  row["val"] = part_json(v, &RunRecord::val);
  for (const JudgedTask& task : c.tasks) row["interval"][task.name] = interval_json(mean_interval(v, task));
  if (v.baseline >= 0) {
    for (const JudgedTask& task : c.tasks) row["relative"][task.name] = spread_json(relative_spread(c, v, task));
    row["relative_average"] = spread_json(average_spread(c, v));
    for (const Evidence& e : evidence)
      if (e.variant == number) row["against_stl"][c.tasks[e.task].name] = evidence_json(e);
  }
  for (const auto& [pair, spread] : bottleneck(v, &Bottleneck::entropy_bits))
    row["bottleneck"][pair] = {{"entropy_bits", spread_json(spread)},
                               {"most_bits", spread_json(bottleneck(v, &Bottleneck::most_bits)[pair])},
                               {"diagonal", spread_json(bottleneck(v, &Bottleneck::diagonal)[pair])}};
  row["parameters"] = spread_json(cost(v, &RunRecord::parameters))["mean"];
  row["gflop_per_image"] = spread_json(cost(v, &RunRecord::gflop_per_image))["mean"];
  row["step_ms"] = spread_json(cost(v, &RunRecord::step_ms));
  row["peak_memory_mib"] = spread_json(cost(v, &RunRecord::peak_memory_mib));
  for (const RunRecord& run : v.runs) {
    Json entry{{"seed", run.seed}, {"folder", run.name}};
    if (run.fold >= 0) entry["fold"] = run.fold;
    if (!run.failure.empty()) entry[run.missing ? "missing" : "failed"] = run.failure;
    row["runs"].push_back(entry);
  }
  return row;
}

// A cell or a line of Markdown, which may hold HTML: "a|b" is one cell, "<b>" is no tag.
std::string in_markdown(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) out += c == '|' ? "\\|" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

// With columns as wide as their cells; the first `names` ones are aligned to the left.
std::string markdown_of(std::vector<std::vector<std::string>> rows, std::size_t names) {
  for (auto& row : rows)
    for (std::string& cell : row) cell = in_markdown(cell);
  std::vector<std::size_t> width(rows[0].size(), 3);
  const auto length = [](const std::string& text) {  // in characters: the ± has two bytes
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char b) { return (b & 0xC0) != 0x80; }));
  };
  for (const auto& row : rows)
    for (std::size_t k = 0; k < row.size(); ++k) width[k] = std::max(width[k], length(row[k]));
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    text += "|";
    for (std::size_t k = 0; k < rows[r].size(); ++k)
      text += " " + rows[r][k] + std::string(width[k] - length(rows[r][k]), ' ') + " |";
    text += "\n";
    if (r > 0) continue;
    text += "|";
    for (std::size_t k = 0; k < width.size(); ++k)
      text += " " + std::string(width[k] - 1, '-') + (k < names ? "- |" : ": |");
    text += "\n";
  }
  return text;
}

std::vector<std::vector<std::string>> table_rows(const Comparison& c) {
  std::vector<std::vector<std::string>> rows{heads(c)};
  for (const Variant& variant : c.variants) rows.push_back(cells_of(c, variant));
  return rows;
}

}  // namespace

std::string table_markdown(const Comparison& c, const std::vector<Evidence>& evidence) {
  std::string text =
      fmt::format("# {}\n\n{}\n\n{}", in_markdown(c.about), explanation(c), markdown_of(table_rows(c), 1));
  if (!evidence.empty())
    text += fmt::format("\n## How sure are the differences?\n\n{}\n\n{}", evidence_explanation(c),
                        markdown_of(evidence_rows(c, evidence), 2));
  if (!c.tuned.empty())
    text += fmt::format("\n## Which values were tried?\n\n{}\n\n{}", in_markdown(tuning_explanation(c)),
                        markdown_of(tuning_rows(c), 1));
  std::vector<std::string> lines = failures(c);
  for (const std::string& line : missing_cases(evidence)) lines.push_back(line);
  for (const std::string& line : lines) text += "\n* " + in_markdown(line);
  return text + (lines.empty() ? "" : "\n");
}

std::string table_json(const Comparison& c, const std::vector<Evidence>& evidence) {
  Json json{
      {"about", c.about}, {"select", c.select}, {"seeds", c.seeds}, {"tasks", Json::array()}, {"rows", Json::array()}};
  if (c.folds > 0) json["folds"] = c.folds;
  for (const JudgedTask& task : c.tasks)
    json["tasks"].push_back(
        {{"name", task.name}, {"metric", task.metric}, {"larger_is_better", task.larger_is_better}});
  for (std::size_t v = 0; v < c.variants.size(); ++v) json["rows"].push_back(variant_json(c, v, evidence));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string table_html(const Comparison& c, const std::vector<Evidence>& evidence) {
  const auto table = [](const std::vector<std::vector<std::string>>& rows) {
    std::string html = "<table>\n";
    for (std::size_t r = 0; r < rows.size(); ++r) {
      html += "<tr>";
      for (const std::string& cell : rows[r])
        html += fmt::format("<{0}>{1}</{0}>", r == 0 ? "th" : "td", escaped(cell));
      html += "</tr>\n";
    }
    return html + "</table>\n";
  };
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>{0}</title>\n<style>\n"
      "body {{ font: 14px sans-serif; margin: 2em; max-width: 80em }}\ntable {{ border-collapse: collapse }}\n"
      "td, th {{ border-bottom: 1px solid #ccc; padding: 4px 10px; text-align: right }}\n"
      "td:first-child, th:first-child {{ text-align: left }}\n.failed {{ color: #b00 }}\n</style></head><body>\n"
      "<h1>{0}</h1>\n<p>{1}</p>\n{2}<p>Bars: means; dots: single runs, one for each seed.</p>\n{3}",
      escaped(c.about), escaped(explanation(c)), chart(c), table(table_rows(c)));
  for (const std::string& line : failures(c)) html += fmt::format("<p class=\"failed\">{}</p>\n", escaped(line));
  html +=
      "<p>GFLOP/image: forward pass of one picture; a multiply-add of a convolution or matrix product counts as two. "
      "step: a training step with loading, as measured. memory: the most that the training program held.</p>\n";
  if (!evidence.empty())
    html += fmt::format("<h2>How sure are the differences?</h2>\n<p>{}</p>\n{}", escaped(evidence_explanation(c)),
                        table(evidence_rows(c, evidence)));
  if (!c.tuned.empty())
    html += fmt::format("<h2>Which values were tried?</h2>\n<p>{}</p>\n{}", escaped(tuning_explanation(c)),
                        table(tuning_rows(c)));
  for (const std::string& line : missing_cases(evidence)) html += fmt::format("<p>{}</p>\n", escaped(line));
  return html + "</body></html>\n";
}

}  // namespace medusa::tools

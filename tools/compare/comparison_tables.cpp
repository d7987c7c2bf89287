// table.md, table.json and table.html of a comparison.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tensor/text.h"
#include "tools/compare/comparison.h"
#include "tools/compare/evidence.h"
#include "tools/report/svg.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::ordered_json;

bool has_baseline(const Comparison& c) {
  return std::any_of(c.variants.begin(), c.variants.end(), [](const Variant& v) { return v.baseline >= 0; });
}

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

// ---- how sure the differences are -----------------------------------------------------------------------------------

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
      "that "
      "the runs' samples overlap (Nadeau and Bengio 2003); from 3 runs on. p, Holm: corrected for the number of rows "
      "and tasks. ratio: geometric mean of M / M_STL, in percent better; mean of %: the arithmetic mean, as in the "
      "table above, which the baseline's noise biases. sure by cases: in how many runs p is below 0.05 when the two "
      "networks' predictions for the cases of the test set are swapped by chance.";
  if (c.seeds.size() < 3) text += " With fewer than 3 runs there is no interval.";
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

Json spread_json(const Spread& spread) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  return {{"mean", number(spread.mean())}, {"std", number(spread.std())}, {"values", spread.values}};
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

// ---- the chart: a row for each network, a panel for each task and for the average ---------------------------------

constexpr double kNames = 190, kPanel = 220, kGap = 40, kRow = 30, kHead = 34;

struct Panel {
  std::string title;
  std::vector<Spread> rows;
  bool from_zero;
};

std::string draw(const Panel& panel, double left, std::size_t rows) {
  double low = panel.from_zero ? 0 : 1e300, high = panel.from_zero ? 0 : -1e300;
  for (const Spread& spread : panel.rows)
    for (double value : spread.values) low = std::min(low, value), high = std::max(high, value);
  if (low > high) low = 0, high = 1;
  const double step = round_step(low, std::max(high, low + 1e-6));
  low = std::floor(low / step) * step;
  high = std::max(std::ceil(high / step) * step, low + step);
  const auto at = [&](double v) { return left + (v - low) / (high - low) * kPanel; };
  const double bottom = kHead + kRow * static_cast<double>(rows);
  std::string svg =
      fmt::format("<text x=\"{:.1f}\" y=\"16\" font-weight=\"bold\">{}</text>\n", left, escaped(panel.title));
  for (double v = low; v <= high + step / 2; v += step)
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"{3}\"/>"
        "<text x=\"{0:.1f}\" y=\"{4}\" text-anchor=\"middle\" fill=\"#555\">{5:.4g}</text>\n",
        at(v), kHead - 8, bottom, std::abs(v) < step / 2 && panel.from_zero ? "#555" : "#ddd", bottom + 14,
        std::abs(v) < 1e-9 ? 0 : v);
  for (std::size_t r = 0; r < panel.rows.size(); ++r) {
    const Spread& spread = panel.rows[r];
    if (spread.values.empty()) continue;
    const double y = kHead + kRow * static_cast<double>(r) + kRow / 2 - 4, x0 = at(panel.from_zero ? 0 : low),
                 x1 = at(spread.mean());
    const char* colour = kColours[r % std::size(kColours)];
    svg +=
        fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"16\" fill=\"{}\" opacity=\"0.45\"/>\n",
                    std::min(x0, x1), y - 8, std::abs(x1 - x0), colour);
    for (double value : spread.values)
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\" fill=\"{}\"/>\n", at(value), y, colour);
  }
  return svg;
}

std::string chart(const Comparison& c) {
  std::vector<Panel> panels;
  const bool relative = has_baseline(c);
  for (const JudgedTask& task : c.tasks) {
    Panel panel{relative ? task.name + ", % vs STL" : task.name + " " + task.metric, {}, relative};
    for (const Variant& v : c.variants)
      panel.rows.push_back(relative ? relative_spread(c, v, task) : metric_spread(v, task.name, task.metric));
    panels.push_back(panel);
  }
  if (relative) {
    Panel panel{"average of the tasks, % vs STL", {}, true};
    for (const Variant& v : c.variants) panel.rows.push_back(average_spread(c, v));
    panels.push_back(panel);
  }
  const double height = kHead + kRow * static_cast<double>(c.variants.size()) + 24;
  const double width = kNames + (kPanel + kGap) * static_cast<double>(panels.size()) + 10;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  for (std::size_t r = 0; r < c.variants.size(); ++r)
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kNames - 14,
                       kHead + kRow * static_cast<double>(r) + kRow / 2, escaped(c.variants[r].name));
  for (std::size_t p = 0; p < panels.size(); ++p)
    svg += draw(panels[p], kNames + (kPanel + kGap) * static_cast<double>(p), c.variants.size());
  return svg + "</svg>\n";
}

}  // namespace

namespace {

// A cell or a line of Markdown, which may hold HTML: "a|b" is one cell, "<b>" is no tag.
std::string in_markdown(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) out += c == '|' ? "\\|" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

}  // namespace

namespace {

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
  for (const std::string& line : missing_cases(evidence)) html += fmt::format("<p>{}</p>\n", escaped(line));
  return html + "</body></html>\n";
}

}  // namespace medusa::tools

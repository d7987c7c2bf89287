// The chart of a comparison: a row for each network, a panel for each task and for the average.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/compare/comparison.h"
#include "tools/report/svg.h"

namespace medusa::tools {

namespace {

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

}  // namespace

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

}  // namespace medusa::tools

// plot: the learning curves of training runs as one SVG picture, a panel for every figure of every task.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/program.h"
#include "tools/report/svg.h"

namespace medusa::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Curve {
  std::size_t run;                                // decides its colour
  bool solid;                                     // the validation set's
  std::vector<std::pair<double, double>> points;  // epoch, value
};

struct Panel {
  std::string title;
  std::vector<Curve> curves;
};

// The panels in the order in which the figures first occur.
struct Figure {
  std::vector<std::string> runs;
  std::vector<Panel> panels;

  Curve& curve(const std::string& title, std::size_t run, bool solid) {
    auto panel = std::find_if(panels.begin(), panels.end(), [&](const Panel& p) { return p.title == title; });
    if (panel == panels.end()) panel = panels.insert(panels.end(), {title, {}});
    for (Curve& c : panel->curves)
      if (c.run == run && c.solid == solid) return c;
    panel->curves.push_back({run, solid, {}});
    return panel->curves.back();
  }
  void add(const std::string& title, std::size_t run, bool solid, double epoch, const Json& value) {
    if (value.is_number()) curve(title, run, solid).points.push_back({epoch, value.get<double>()});
  }
};

std::string balance_title(const std::string& group) {
  return group == "task_weight" ? "weight" : group == "cosine" ? "cosine of gradients" : "norm of shared gradient";
}

void read_epoch(const Json& line, std::size_t run, Figure* figure) {
  const double epoch = line.at("epoch").get<double>();
  for (const auto& [task, loss] : line.at("loss").items()) {
    figure->add(task + ": loss", run, false, epoch, loss);
    if (line.contains("val_loss")) figure->add(task + ": loss", run, true, epoch, line["val_loss"].at(task));
    if (!line.contains("val")) continue;
    for (const auto& [metric, value] : line["val"].at(task).items())
      figure->add(task + ": " + metric, run, true, epoch, value);
  }
  // Task balancing, where the run has it (mtl/README.md).
  for (const char* group : {"task_weight", "shared_grad_norm", "cosine"}) {
    if (!line.contains(group)) continue;
    for (const auto& [name, value] : line[group].items())
      figure->add(fmt::format("{}: {}", name, balance_title(group)), run, false, epoch, value);
  }
}

void read_run(const std::string& folder, std::size_t run, Figure* figure) {
  const mtl::RunFolder files(folder);
  int number = 0;
  for (const std::string& line : files.epochs()) try {
      ++number;
      read_epoch(Json::parse(line), run, figure);
    } catch (const Json::exception& error) {
      fail_input("{}:{}: is not the line of an epoch: {}", files.file(mtl::RunFile::Metrics), number, error.what());
    }
}

// ---- drawing ----------------------------------------------------------------------------------------------------

constexpr double kWidth = 320, kHeight = 220, kLeft = 46, kRight = 12, kTop = 30, kBottom = 30;
constexpr std::size_t kColumns = 3;
struct Range {
  double low = 1e300, high = -1e300;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

std::string draw(const Panel& panel, double left, double top) {
  Range x, y;
  for (const Curve& curve : panel.curves)
    for (const auto& [epoch, value] : curve.points) {
      x.take(epoch);
      y.take(value);
    }
  const double step_y = round_step(y.low, y.high), step_x = std::max(1.0, round_step(x.low, x.high));
  y.low = std::floor(y.low / step_y) * step_y;
  y.high = std::max(std::ceil(y.high / step_y) * step_y, y.low + step_y);
  const double width = kWidth - kLeft - kRight, height = kHeight - kTop - kBottom;
  const auto at_x = [&](double e) { return left + kLeft + (e - x.low) / std::max(x.high - x.low, 1.0) * width; };
  const auto at_y = [&](double v) { return top + kTop + (y.high - v) / (y.high - y.low) * height; };

  std::string svg = fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-weight=\"bold\">{}</text>\n", left + kLeft,
                                top + 18, escaped(panel.title));
  for (double v = y.low; v <= y.high + step_y / 2; v += step_y)
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#ddd\"/>"
        "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.4g}</text>\n",
        left + kLeft, left + kLeft + width, at_y(v), left + kLeft - 5, at_y(v) + 4, std::abs(v) < 1e-9 ? 0 : v);
  for (double e = std::ceil(x.low / step_x) * step_x; e <= x.high; e += step_x)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.0f}</text>\n", at_x(e),
                       top + kHeight - 14, e);
  for (const Curve& curve : panel.curves) {
    std::string points;
    for (const auto& [epoch, value] : curve.points) points += fmt::format("{:.1f},{:.1f} ", at_x(epoch), at_y(value));
    svg +=
        fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"{} points=\"{}\"/>\n",
                    kColours[curve.run % std::size(kColours)], curve.solid ? "" : " stroke-dasharray=\"4 3\"", points);
  }
  return svg;
}

std::string draw(const Figure& figure) {
  const std::size_t rows = (figure.panels.size() + kColumns - 1) / kColumns;
  const double width = kWidth * static_cast<double>(std::min(kColumns, figure.panels.size()));
  const double legend = 20 * static_cast<double>(figure.runs.size()) + 24;
  const double height = kHeight * static_cast<double>(rows) + legend;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  for (std::size_t p = 0; p < figure.panels.size(); ++p)
    svg +=
        draw(figure.panels[p], kWidth * static_cast<double>(p % kColumns), kHeight * static_cast<double>(p / kColumns));
  double y = height - legend + 12;
  for (std::size_t run = 0; run < figure.runs.size(); ++run, y += 20)
    svg += fmt::format(
        "<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.0f}\" y2=\"{2:.0f}\" stroke=\"{3}\" stroke-width=\"2\"/>"
        "<text x=\"{4}\" y=\"{5:.0f}\">{6}</text>\n",
        kLeft, kLeft + 24, y, kColours[run % std::size(kColours)], kLeft + 32, y + 4, escaped(figure.runs[run]));
  svg += fmt::format(
      "<text x=\"{}\" y=\"{:.0f}\" fill=\"#555\">x: epochs; solid: validation set, dashed: training set</text>\n",
      kLeft, y + 4);
  return svg + "</svg>\n";
}

void plot(const std::vector<std::string>& runs, const std::string& out) {
  Figure figure;
  for (const std::string& run : runs) {
    read_run(run, figure.runs.size(), &figure);
    figure.runs.push_back(std::filesystem::path(run + "/").lexically_normal().parent_path().filename().string());
  }
  MEDUSA_CHECK_INPUT(!figure.panels.empty(), "{}: no epoch is finished yet", runs.front());
  write_file(out, draw(figure));
  print_line("{}: {} panels of {} runs", out, figure.panels.size(), runs.size());
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa::tools;
  CommandLine command(
      "Draws the learning curves of training runs: losses and validation metrics over the epochs, as one SVG picture.",
      "plot");
  std::vector<std::string> runs;
  std::string out;
  command.option("--run", runs, "folder of a run; several for several colours").required();
  command.option("--out", out, "SVG file to write").required();
  return run(command, argc, argv, [&] { plot(runs, out); });
}

#include "tools/report/sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "datasets/images/draw.h"
#include "datasets/images/text.h"

namespace medusa::tools {

namespace {

using datasets::Colour;
using datasets::Image;

// In pixels.
constexpr std::int64_t kMargin = 20, kGap = 16, kTitleScale = 3, kTextScale = 2;
constexpr std::int64_t kTitleHeight = 34, kLineHeight = 22, kBarHeight = 22;
constexpr Colour kInk{25, 25, 25}, kGrey{95, 95, 95}, kWhite{255, 255, 255}, kRule{205, 205, 205};

std::int64_t lines_height(std::size_t lines) { return static_cast<std::int64_t>(lines) * kLineHeight; }

std::vector<std::string> wrapped(const std::string& text, std::int64_t width) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (!line.empty() && datasets::text_width(line + " " + word, kTextScale) > width) {
      lines.push_back(line);
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

// Draws lines of text from y on; returns where the next would be.
std::int64_t draw_lines(Image& sheet, std::int64_t x, std::int64_t y, const std::vector<std::string>& lines,
                        std::int64_t width, Colour colour) {
  for (const std::string& line : lines) {
    datasets::draw_text(sheet, x, y, datasets::fit_text(line, width, kTextScale), colour, kTextScale);
    y += kLineHeight;
  }
  return y;
}

// "0.31 [colours] 0.84"
void draw_colour_bar(Image& sheet, std::int64_t x, std::int64_t y, std::int64_t width, const ColourBar& bar) {
  const std::string low = fmt::format("{:.3g}", bar.low), high = fmt::format("{:.3g}", bar.high);
  const std::int64_t left = datasets::text_width(low, kTextScale) + 4;
  const std::int64_t length = std::max<std::int64_t>(width - left - datasets::text_width(high, kTextScale) - 6, 1);
  datasets::draw_text(sheet, x, y, low, kInk, kTextScale);
  for (std::int64_t i = 0; i < length; ++i)
    datasets::fill(
        sheet, {x + left + i, y, 1, 14},
        datasets::heat_colour(static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(length - 1, 1))));
  datasets::draw_text(sheet, x + left + length + 6, y, high, kInk, kTextScale);
}

// The most that a row's panels need, so that their pictures align.
struct RowSize {
  std::size_t above = 0, below = 0;
  std::int64_t picture = 0;
  bool bar = false;
  explicit RowSize(const PanelRow& row) {
    for (const Panel& panel : row.panels) {
      above = std::max(above, panel.above.size());
      below = std::max(below, panel.below.size());
      picture = std::max(picture, panel.picture.height);
      bar |= panel.bar.has_value();
    }
  }
};

std::int64_t row_height(const PanelRow& row, std::int64_t width) {
  const RowSize size(row);
  return kMargin + kTitleHeight + lines_height(wrapped(row.about, width).size() + size.above + size.below) +
         size.picture + (size.picture > 0 ? kGap : 0) + (size.bar ? kBarHeight : 0);
}

void draw_row(Image& sheet, const PanelRow& row, std::int64_t y, std::int64_t width) {
  const RowSize size(row);
  datasets::draw_text(sheet, kMargin, y + kMargin / 2, datasets::fit_text(row.title, width, kTitleScale), kInk,
                      kTitleScale);
  y = draw_lines(sheet, kMargin, y + kMargin / 2 + kTitleHeight, wrapped(row.about, width), width, kGrey);
  std::int64_t x = kMargin;
  for (const Panel& panel : row.panels) {
    draw_lines(sheet, x, y + kGap / 4, panel.above, kPanelSide, kInk);
    std::int64_t below = y + kGap / 4 + lines_height(size.above);
    datasets::paste(sheet, panel.picture, x, below);
    below += size.picture + kGap / 2;
    if (panel.bar) draw_colour_bar(sheet, x, below, panel.picture.width, *panel.bar);
    draw_lines(sheet, x, below + (size.bar ? kBarHeight : 0), panel.below, kPanelSide, kGrey);
    x += kPanelSide + kGap;
  }
}

}  // namespace

Image draw_sheet(const PanelRow& heading, const std::vector<PanelRow>& rows) {
  std::size_t columns = kFewestColumns;
  for (const PanelRow& row : rows) columns = std::max(columns, row.panels.size());
  const std::int64_t width = static_cast<std::int64_t>(columns) * (kPanelSide + kGap) - kGap;
  std::int64_t height = row_height(heading, width) + kMargin;
  for (const PanelRow& row : rows) height += row_height(row, width);
  Image sheet(width + 2 * kMargin, height, 3);
  datasets::fill(sheet, {0, 0, sheet.width, sheet.height}, kWhite);
  std::int64_t y = 0;
  draw_row(sheet, heading, y, width);
  y += row_height(heading, width);
  for (const PanelRow& row : rows) {
    datasets::fill(sheet, {kMargin, y - 1, width, 2}, kRule);
    draw_row(sheet, row, y, width);
    y += row_height(row, width);
  }
  return sheet;
}

Image panel_sized(const Image& picture) {
  const double factor = static_cast<double>(kPanelSide) / static_cast<double>(std::max(picture.width, picture.height));
  const auto scaled = [factor](std::int64_t side) {
    return std::max<std::int64_t>(1, std::lround(factor * static_cast<double>(side)));
  };
  return datasets::resize(picture, scaled(picture.width), scaled(picture.height));
}

Image draw_bars(const std::vector<std::string>& names, const std::vector<double>& values,
                const std::vector<bool>& marked) {
  constexpr std::size_t kMost = 12;
  constexpr std::int64_t kNames = 96, kValues = 54;
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() > kMost) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
    order.resize(kMost);
  }
  Image picture(kPanelSide, std::max<std::int64_t>(lines_height(order.size()), 1), 3);
  datasets::fill(picture, {0, 0, picture.width, picture.height}, kWhite);
  std::int64_t y = 0;
  for (std::size_t i : order) {
    const Colour colour = marked[i] ? datasets::distinct_colour(0) : datasets::distinct_colour(4);
    const auto length = std::lround(values[i] * static_cast<double>(kPanelSide - kNames - kValues));
    datasets::draw_text(picture, 0, y, datasets::fit_text(names[i], kNames - 6, kTextScale), marked[i] ? colour : kInk,
                        kTextScale);
    datasets::fill(picture, {kNames, y, kPanelSide - kNames - kValues, 15}, {238, 238, 238});
    datasets::fill(picture, {kNames, y, length, 15}, colour);
    datasets::draw_text(picture, kPanelSide - kValues + 6, y, fmt::format("{:.2f}", values[i]), kInk, kTextScale);
    y += kLineHeight;
  }
  return picture;
}

}  // namespace medusa::tools

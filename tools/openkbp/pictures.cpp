// DVH curves, and doses in three planes.
#include <algorithm>
#include <cmath>

#include "datasets/images/draw.h"
#include "datasets/images/text.h"
#include "tools/openkbp/dose_score.h"
#include "tools/openkbp/scores.h"
#include "tools/report/svg.h"

namespace medusa::tools {

using namespace datasets::openkbp;
using datasets::Image;

namespace {

constexpr double kMostGy = 80;
constexpr const char* kDvhColours[kStructures] = {"#1f77b4", "#17becf", "#2ca02c", "#98df8a", "#8c564b",
                                                  "#9467bd", "#7f7f7f", "#ffbb78", "#ff7f0e", "#d62728"};

std::string polyline(const std::vector<double>& doses, const std::vector<double>& percent, const char* colour,
                     bool dashed) {
  std::string points;
  for (std::size_t i = 0; i < doses.size(); ++i)
    points += fmt::format("{:.1f},{:.1f} ", 60 + doses[i] / kMostGy * 480, 40 + (100 - percent[i]) / 100 * 320);
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"{} points=\"{}\"/>\n", colour,
                     dashed ? " stroke-dasharray=\"5 3\"" : "", points);
}

// A plane through `middle` across axis `across`, one value per pixel.  Rows run along a0, or along a2 where a0 is
// across.
struct Plane {
  int across;
  std::int64_t at;
  std::size_t voxel(std::int64_t row, std::int64_t column) const {
    const std::int64_t place[3] = {across == 0   ? at
                                   : across == 1 ? column
                                                 : row,
                                   across == 0   ? column
                                   : across == 1 ? at
                                                 : column,
                                   across == 0   ? row
                                   : across == 1 ? row
                                                 : at};
    return static_cast<std::size_t>((place[0] * kSide + place[1]) * kSide + place[2]);
  }
};

constexpr std::int64_t kPixels = 256;  // of a plane's longer side

// The part of the grid in which dose is possible, with a margin.
struct Box {
  std::array<std::int64_t, 3> low{kSide, kSide, kSide}, high{-1, -1, -1};
  explicit Box(const Patient& p) {
    for (std::int64_t i = 0; i < kVoxels; ++i)
      if (p.possible[static_cast<std::size_t>(i)]) {
        const std::int64_t place[3] = {i / (kSide * kSide), i / kSide % kSide, i % kSide};
        for (std::size_t a = 0; a < 3; ++a) {
          low[a] = std::min(low[a], std::max<std::int64_t>(place[a] - 4, 0));
          high[a] = std::max(high[a], std::min(place[a] + 4, kSide - 1));
        }
      }
  }
  std::int64_t side(std::size_t axis) const { return high[axis] - low[axis] + 1; }
};

// CT in grey below, `value` in colours on top where dose is possible.  Voxels are drawn as wide and high as they are in
// mm.
Image draw_plane(const Patient& p, const Box& box, const Plane& plane, const std::vector<real>& value,
                 bool difference) {
  const std::size_t rows = plane.across == 2 ? 0 : 2, columns = plane.across == 0 ? 1 : plane.across == 1 ? 0 : 1;
  double longest = 0;
  for (std::size_t a = 0; a < 3; ++a) longest = std::max(longest, static_cast<double>(box.side(a)) * p.spacing[a]);
  const auto pixels = [&](std::size_t axis) {
    return std::max(std::int64_t{1}, static_cast<std::int64_t>(std::lround(static_cast<double>(box.side(axis)) *
                                                                           p.spacing[axis] / longest * kPixels)));
  };
  Image image(pixels(columns), pixels(rows), 3);
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < image.width; ++x) {
      const std::size_t i = plane.voxel(box.low[rows] + y * box.side(rows) / image.height,
                                        box.low[columns] + x * box.side(columns) / image.width);
      const double grey = std::clamp((static_cast<double>(p.hu[i]) + 200) / 600, 0.0, 1.0) * 255;
      std::array<double, 3> rgb{grey, grey, grey};
      const double v = static_cast<double>(value[i]);
      if (p.possible[i]) {
        const double strength = difference ? std::min(1.0, std::abs(v) / 20) : std::clamp(v / 70, 0.0, 1.0);
        const datasets::Colour c = difference ? (v > 0 ? datasets::Colour{220, 40, 30} : datasets::Colour{40, 90, 220})
                                              : datasets::heat_colour(strength);
        const double opacity = difference ? 0.9 * strength : 0.65;
        for (std::size_t k = 0; k < 3; ++k) rgb[k] = (1 - opacity) * rgb[k] + opacity * c[k];
      }
      for (std::size_t k = 0; k < 3; ++k) image.at(x, y)[k] = static_cast<std::uint8_t>(rgb[k] + 0.5);
    }
  return image;
}

// The middle of the highest prescription that was outlined, else of the mask.
std::array<std::int64_t, 3> middle_of(const Patient& p) {
  int target = -1;
  for (int s = static_cast<int>(kStructures) - 1; target < 0 && s >= static_cast<int>(kStructures - kTargets); --s)
    if (p.outlined >> s & 1) target = s;
  std::array<double, 3> sum{};
  double count = 0;
  for (std::int64_t i = 0; i < kVoxels; ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (target >= 0 ? (p.structures[k] >> target & 1) == 0 : p.possible[k] == 0) continue;
    sum[0] += static_cast<double>(i / (kSide * kSide));
    sum[1] += static_cast<double>(i / kSide % kSide);
    sum[2] += static_cast<double>(i % kSide);
    ++count;
  }
  std::array<std::int64_t, 3> middle{kSide / 2, kSide / 2, kSide / 2};
  for (std::size_t a = 0; a < 3 && count > 0; ++a) middle[a] = std::lround(sum[a] / count);
  return middle;
}

}  // namespace

std::string dvh_svg(const Patient& p, const std::vector<real>& predicted) {
  std::vector<double> doses;
  for (int i = 0; i <= 160; ++i) doses.push_back(i * kMostGy / 160);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"420\" viewBox=\"0 0 720 420\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"60\" y=\"24\" font-weight=\"bold\">{}: dose-volume histogram</text>\n",
      escaped(p.id));
  for (int v = 0; v <= 100; v += 20)
    svg += fmt::format(
        "<line x1=\"60\" x2=\"540\" y1=\"{0}\" y2=\"{0}\" stroke=\"#ddd\"/>"
        "<text x=\"54\" y=\"{1}\" text-anchor=\"end\">{2}</text>\n",
        360 - v * 3.2, 364 - v * 3.2, v);
  for (int gy = 0; gy <= 80; gy += 10)
    svg += fmt::format("<text x=\"{}\" y=\"378\" text-anchor=\"middle\">{}</text>\n", 60 + gy * 6, gy);
  svg +=
      "<text x=\"300\" y=\"398\" text-anchor=\"middle\">dose, Gy</text>\n"
      "<text x=\"18\" y=\"200\" transform=\"rotate(-90 18 200)\" text-anchor=\"middle\">volume with at least this "
      "dose, %</text>\n"
      "<text x=\"300\" y=\"414\" text-anchor=\"middle\" fill=\"#555\">solid: planned; dashed: predicted</text>\n";
  int row = 0;
  for (unsigned s = 0; s < kStructures; ++s) {
    if ((p.outlined >> s & 1u) == 0) continue;
    svg += polyline(doses, dvh_curve(p.dose, p.structures, s, doses), kDvhColours[s], false);
    svg += polyline(doses, dvh_curve(predicted, p.structures, s, doses), kDvhColours[s], true);
    svg += fmt::format(
        "<rect x=\"560\" y=\"{}\" width=\"18\" height=\"4\" fill=\"{}\"/><text x=\"584\" y=\"{}\">{}</text>\n",
        48 + 20 * row, kDvhColours[s], 54 + 20 * row, structures()[s]);
    ++row;
  }
  return svg + "</svg>\n";
}

Image dose_picture(const Patient& p, const std::vector<real>& predicted) {
  constexpr std::int64_t kTitle = 44;
  std::vector<real> difference(predicted.size());
  for (std::size_t i = 0; i < predicted.size(); ++i) difference[i] = predicted[i] - p.dose[i];
  const auto middle = middle_of(p);
  const std::vector<real>* doses[3] = {&p.dose, &predicted, &difference};
  const Box box(p);
  std::vector<Image> planes;
  for (int across : {2, 1, 0})
    for (int column = 0; column < 3; ++column)
      planes.push_back(
          draw_plane(p, box, {across, middle[static_cast<std::size_t>(across)]}, *doses[column], column == 2));
  const Image sheet = datasets::sheet(planes, 3);
  Image page(sheet.width, sheet.height + kTitle, 3);
  datasets::fill(page, {0, 0, page.width, page.height}, {255, 255, 255});
  datasets::paste(page, sheet, 0, kTitle);
  datasets::draw_text(page, 4, 4, p.id + ": axial, sagittal, coronal", {25, 25, 25}, 2);
  const char* titles[3] = {"planned", "predicted", "red: +20 Gy"};
  for (std::int64_t k = 0; k < 3; ++k)
    datasets::draw_text(page, 4 + k * (sheet.width + 4) / 3, 26, titles[k], {95, 95, 95}, 2);
  return page;
}

}  // namespace medusa::tools

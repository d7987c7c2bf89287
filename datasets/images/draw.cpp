// Outlines, tints and sheets.
#include "datasets/images/draw.h"

#include <algorithm>

#include "tensor/check.h"

namespace medusa::datasets {

namespace {

bool inside(const Image& mask, std::int64_t x, std::int64_t y) {
  return x >= 0 && y >= 0 && x < mask.width && y < mask.height && *mask.at(x, y) >= 128;
}

// The region without its outermost pixels: those with one of their four neighbours outside.  The picture's edge is not
// an outline: a region that touches it counts as continuing.
Image eroded(const Image& mask) {
  Image result(mask.width, mask.height, 1);
  for (std::int64_t y = 0; y < mask.height; ++y)
    for (std::int64_t x = 0; x < mask.width; ++x) {
      const bool core = inside(mask, x, y) && (x == 0 || inside(mask, x - 1, y)) &&
                        (x == mask.width - 1 || inside(mask, x + 1, y)) && (y == 0 || inside(mask, x, y - 1)) &&
                        (y == mask.height - 1 || inside(mask, x, y + 1));
      *result.at(x, y) = core ? 255 : 0;
    }
  return result;
}

}  // namespace

Colour distinct_colour(std::size_t index) {
  static constexpr Colour kColours[] = {{0, 158, 115}, {230, 159, 0},   {86, 180, 233}, {213, 94, 0},
                                        {0, 114, 178}, {204, 121, 167}, {240, 228, 66}};
  return kColours[index % std::size(kColours)];
}

void draw_mask(Image& rgb, const Image& mask, Colour colour, double opacity, std::int64_t width) {
  MEDUSA_CHECK(rgb.channels == 3 && mask.channels == 1, "draw_mask: expects RGB and grey, found {} and {} channels",
               rgb.channels, mask.channels);
  MEDUSA_CHECK(rgb.width == mask.width && rgb.height == mask.height, "draw_mask: image is {}x{}, mask is {}x{}",
               rgb.width, rgb.height, mask.width, mask.height);
  Image core = mask;
  for (std::int64_t i = 0; i < width; ++i) core = eroded(core);
  for (std::int64_t y = 0; y < rgb.height; ++y)
    for (std::int64_t x = 0; x < rgb.width; ++x) {
      if (!inside(mask, x, y)) continue;
      const double part = inside(core, x, y) ? opacity : 1.0;
      for (std::size_t c = 0; c < 3; ++c) {
        std::uint8_t& value = rgb.at(x, y)[c];
        value = static_cast<std::uint8_t>((1 - part) * value + part * colour[c] + 0.5);
      }
    }
}

void fill(Image& rgb, const Rect& rect, Colour colour) {
  MEDUSA_CHECK(rgb.channels == 3, "fill: expects RGB, found {} channels", rgb.channels);
  const std::int64_t right = std::min(rect.x + rect.width, rgb.width),
                     bottom = std::min(rect.y + rect.height, rgb.height);
  for (std::int64_t y = std::max<std::int64_t>(rect.y, 0); y < bottom; ++y)
    for (std::int64_t x = std::max<std::int64_t>(rect.x, 0); x < right; ++x)
      std::copy(colour.begin(), colour.end(), rgb.at(x, y));
}

void paste(Image& rgb, const Image& picture, std::int64_t x, std::int64_t y) {
  const Image source = to_rgb(picture);
  for (std::int64_t row = std::max<std::int64_t>(-y, 0); row < source.height && y + row < rgb.height; ++row) {
    const std::int64_t first = std::max<std::int64_t>(-x, 0), count = std::min(source.width, rgb.width - x) - first;
    if (count > 0) std::copy_n(source.at(first, row), count * 3, rgb.at(x + first, y + row));
  }
}

Colour heat_colour(double value) {
  // Linear between these; brightness grows evenly (the colours of matplotlib's inferno, CC0).
  static constexpr double kStops[][3] = {{0, 0, 4},     {31, 12, 72},   {85, 15, 109},  {136, 34, 106}, {186, 54, 85},
                                         {227, 89, 51}, {249, 140, 10}, {249, 201, 50}, {252, 255, 164}};
  constexpr auto kLast = static_cast<double>(std::size(kStops) - 1);
  const double at = std::clamp(value, 0.0, 1.0) * kLast;
  const auto i = static_cast<std::size_t>(std::min(at, kLast - 1));
  const double part = at - static_cast<double>(i);
  Colour colour;
  for (std::size_t c = 0; c < 3; ++c)
    colour[c] = static_cast<std::uint8_t>((1 - part) * kStops[i][c] + part * kStops[i + 1][c] + 0.5);
  return colour;
}

void draw_heat(Image& rgb, const Tensor& values, double low, double high, double opacity) {
  MEDUSA_CHECK(values.shape() == Shape({rgb.height, rgb.width}), "draw_heat: picture is {}x{}, values are {}",
               rgb.width, rgb.height, values.shape());
  const Image grey = to_grey(rgb);
  const std::vector<real> v = values.to_vector();
  for (std::size_t i = 0; i < v.size(); ++i) {
    const Colour colour = heat_colour(high > low ? (static_cast<double>(v[i]) - low) / (high - low) : 0);
    for (std::size_t c = 0; c < 3; ++c)
      rgb.pixels[3 * i + c] = static_cast<std::uint8_t>((1 - opacity) * grey.pixels[i] + opacity * colour[c] + 0.5);
  }
}

void draw_cross(Image& rgb, std::int64_t x, std::int64_t y, std::int64_t size) {
  const std::int64_t w = std::max<std::int64_t>(size / 6, 1), gap = std::max<std::int64_t>(size / 3, 1);
  // A slightly larger cross in black, then one in white on top.
  for (const auto& [edge, colour] :
       {std::pair{w, Colour{0, 0, 0}}, std::pair{std::int64_t{0}, Colour{255, 255, 255}}}) {
    const std::int64_t thick = w + 2 * edge, length = size - gap + 2 * edge;
    fill(rgb, {x - size - edge, y - w / 2 - edge, length, thick}, colour);
    fill(rgb, {x + gap + 1 - edge, y - w / 2 - edge, length, thick}, colour);
    fill(rgb, {x - w / 2 - edge, y - size - edge, thick, length}, colour);
    fill(rgb, {x - w / 2 - edge, y + gap + 1 - edge, thick, length}, colour);
  }
}

Image sheet(const std::vector<Image>& pictures, std::int64_t columns, std::int64_t gap) {
  MEDUSA_CHECK(!pictures.empty() && columns >= 1 && gap >= 0, "sheet: expects pictures and at least one column");
  std::int64_t width = 0, height = 0;
  for (const Image& picture : pictures) {
    width = std::max(width, picture.width);
    height = std::max(height, picture.height);
  }
  const auto count = static_cast<std::int64_t>(pictures.size());
  columns = std::min(columns, count);
  const std::int64_t rows = (count + columns - 1) / columns;
  Image result(columns * (width + gap) - gap, rows * (height + gap) - gap, 3);
  fill(result, {0, 0, result.width, result.height}, {255, 255, 255});
  for (std::int64_t i = 0; i < count; ++i) {
    const Image& picture = pictures[static_cast<std::size_t>(i)];
    const std::int64_t left = i % columns * (width + gap) + (width - picture.width) / 2;
    const std::int64_t top = i / columns * (height + gap) + (height - picture.height) / 2;
    paste(result, picture, left, top);
  }
  return result;
}

}  // namespace medusa::datasets

// Pictures for people: outlines, tints and heat maps over an image, sheets of several pictures.
#pragma once

#include <array>
#include <vector>

#include "datasets/images/image.h"
#include "tensor/tensor.h"

namespace medusa::datasets {

using Colour = std::array<std::uint8_t, 3>;  // R, G, B

// Easy to tell apart, even for the colour-blind (Okabe, Ito 2008); repeats after the last.
Colour distinct_colour(std::size_t index);

// Tints `rgb` where the grey `mask` of the same size is at least 128 (opacity 0: not at all, 1: solid) and draws the
// outline of that region, `width` pixels wide on its inner side.  Throws Error if the sizes differ.
void draw_mask(Image& rgb, const Image& mask, Colour colour, double opacity = 0.25, std::int64_t width = 1);

// A width for outlines that stays visible when the picture is scaled down to a screen.
inline std::int64_t outline_width(const Image& image) { return 1 + (image.width + image.height) / 800; }

struct Rect {
  std::int64_t x, y, width, height;
};
// Of an RGB picture; what lies outside it is cut off.  Throws Error unless it has 3 channels.
void fill(Image& rgb, const Rect& rect, Colour colour);
void paste(Image& rgb, const Image& picture, std::int64_t x, std::int64_t y);

// From black over purple and orange to pale yellow, ever brighter, for values from 0 to 1 (others: the nearer end).
Colour heat_colour(double value);
// The picture in grey, coloured by heat_colour((value - low) / (high - low)); where high = low, by that of 0.
// values [height, width], as the picture; opacity 0: grey alone, 1: colours alone.  Throws Error if sizes differ.
void draw_heat(Image& rgb, const Tensor& values, double low, double high, double opacity);
// Cross-hairs that stand out from any background, with an open centre at (x, y).
void draw_cross(Image& rgb, std::int64_t x, std::int64_t y, std::int64_t size);

// The pictures in rows of `columns`, each centred in a cell as large as the largest of them, `gap` white pixels apart.
Image sheet(const std::vector<Image>& pictures, std::int64_t columns, std::int64_t gap = 4);

}  // namespace medusa::datasets

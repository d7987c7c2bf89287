// Text in pictures, in a font of our own: printable ASCII in 5 x 8 dots (the lowest row is for descenders).
#pragma once

#include <string>

#include "datasets/images/draw.h"

namespace medusa::datasets {

// Of one character with the space after it, times `scale`; the space between lines is the caller's.
inline constexpr std::int64_t kCharacterWidth = 6, kCharacterHeight = 8;

inline std::int64_t text_width(const std::string& text, std::int64_t scale) {
  return static_cast<std::int64_t>(text.size()) * kCharacterWidth * scale;
}

// Draws one line of text, (x, y) its upper left corner, every dot scale x scale pixels.  What lies outside the picture
// is cut off; a byte that is not printable ASCII becomes a box.  Throws Error unless `rgb` has 3 channels.
void draw_text(Image& rgb, std::int64_t x, std::int64_t y, const std::string& text, Colour colour, std::int64_t scale);

// The text, shortened to end in ".." where it is wider than `width` pixels.
std::string fit_text(const std::string& text, std::int64_t width, std::int64_t scale);

}  // namespace medusa::datasets

// Outlines, tints, sheets: where which colour falls.
#include "datasets/images/draw.h"

#include <doctest/doctest.h>

#include <set>

#include "datasets/images/text.h"
#include "tensor/check.h"

namespace medusa::datasets {

namespace {

Image filled(std::int64_t width, std::int64_t height, std::int64_t channels, std::uint8_t value) {
  Image image(width, height, channels);
  for (auto& pixel : image.pixels) pixel = value;
  return image;
}

}  // namespace

TEST_CASE("draw: a square gets a solid outline and a tinted inside, nothing outside changes") {
  Image rgb = filled(7, 6, 3, 100), mask = filled(7, 6, 1, 0);
  for (std::int64_t y = 1; y < 5; ++y)
    for (std::int64_t x = 1; x < 6; ++x) *mask.at(x, y) = 255;
  draw_mask(rgb, mask, {200, 0, 50}, 0.5);
  CHECK(rgb.at(0, 0)[0] == 100);
  CHECK(rgb.at(6, 3)[2] == 100);
  CHECK(rgb.at(1, 1)[0] == 200);  // corner of the outline
  CHECK(rgb.at(5, 3)[1] == 0);
  CHECK(rgb.at(3, 3)[0] == 150);  // half 100, half 200
  CHECK(rgb.at(2, 2)[1] == 50);
  CHECK(rgb.at(4, 3)[2] == 75);
}

TEST_CASE("draw: an outline of two pixels, and a region cut by the picture's edge") {
  Image rgb = filled(8, 8, 3, 0), mask = filled(8, 8, 1, 255);
  for (std::int64_t y = 0; y < 8; ++y) *mask.at(7, y) = 127;  // below the threshold
  draw_mask(rgb, mask, {255, 255, 255}, 0, 2);
  CHECK(rgb.at(0, 0)[0] == 0);    // the edge is no outline
  CHECK(rgb.at(4, 3)[0] == 0);    // inside
  CHECK(rgb.at(5, 3)[0] == 255);  // two columns beside the last, which is outside
  CHECK(rgb.at(6, 3)[0] == 255);
  CHECK(rgb.at(7, 3)[0] == 0);
  CHECK_THROWS_AS(draw_mask(rgb, filled(7, 8, 1, 0), {0, 0, 0}), Error);
  CHECK_THROWS_AS(draw_mask(mask, mask, {0, 0, 0}), Error);
}

TEST_CASE("draw: rectangles and pictures are cut at the edges") {
  Image rgb = filled(5, 4, 3, 9);
  fill(rgb, {-2, 2, 4, 100}, {1, 2, 3});
  CHECK(rgb.at(1, 3)[2] == 3);
  CHECK(rgb.at(2, 3)[2] == 9);
  CHECK(rgb.at(0, 1)[0] == 9);
  Image small = filled(3, 3, 1, 0);
  for (std::int64_t i = 0; i < 9; ++i) small.pixels[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(100 + i);
  paste(rgb, small, -1, -2);
  CHECK(rgb.at(0, 0)[1] == 107);
  CHECK(rgb.at(1, 0)[1] == 108);
  CHECK(rgb.at(2, 0)[1] == 9);
  paste(rgb, small, 4, 3);
  CHECK(rgb.at(4, 3)[0] == 100);
  const Image before = rgb;
  paste(rgb, small, 5, 0);
  paste(rgb, small, -3, -3);
  CHECK(rgb.pixels == before.pixels);
  CHECK_THROWS_AS(fill(small, {0, 0, 1, 1}, {0, 0, 0}), Error);
}

TEST_CASE("draw: heat colours grow ever brighter; a heat map shows low as the first and high as the last of them") {
  const auto brightness = [](double v) {
    const Colour c = heat_colour(v);
    return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
  };
  for (int i = 0; i < 100; ++i) CHECK(brightness(0.01 * (i + 1)) > brightness(0.01 * i));
  CHECK(heat_colour(-1) == heat_colour(0));
  CHECK(heat_colour(2) == heat_colour(1));
  Image rgb = filled(2, 1, 3, 50);
  draw_heat(rgb, Tensor::from({2, 4}, {1, 2}), 2, 4, 1);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(rgb.at(0, 0)[c] == heat_colour(0)[c]);
    CHECK(rgb.at(1, 0)[c] == heat_colour(1)[c]);
  }
  Image shaded = filled(2, 1, 3, 50);
  draw_heat(shaded, Tensor::from({2, 4}, {1, 2}), 2, 4, 0);
  CHECK(shaded.pixels == filled(2, 1, 3, 50).pixels);
  draw_heat(shaded, Tensor::from({3, 3}, {1, 2}), 3, 3, 1);  // no range: the first colour
  CHECK(shaded.at(1, 0)[2] == heat_colour(0)[2]);
  CHECK_THROWS_WITH_AS(draw_heat(rgb, Tensor::zeros({2, 1}), 0, 1, 1), "draw_heat: picture is 2x1, values are [2, 1]",
                       Error);
}

TEST_CASE("draw: cross-hairs leave their middle free and cut at the edges") {
  Image rgb = filled(31, 31, 3, 128);
  draw_cross(rgb, 15, 15, 12);
  CHECK(rgb.at(15, 15)[0] == 128);
  CHECK(rgb.at(15, 5)[0] == 255);
  CHECK(rgb.at(25, 15)[0] == 255);
  CHECK(rgb.at(13, 5)[0] == 0);
  CHECK(rgb.at(3, 3)[0] == 128);
  draw_cross(rgb, 0, 30, 12);
  CHECK(rgb.at(8, 30)[0] == 255);
}

TEST_CASE("text: letters are their dots, at any scale, cut at the edges") {
  Image rgb = filled(14, 10, 3, 0);
  draw_text(rgb, 1, 1, "T.", {255, 255, 255}, 1);
  for (std::int64_t x = 0; x < 7; ++x) CHECK(rgb.at(x, 1)[0] == (x >= 1 && x < 6 ? 255 : 0));  // its beam
  for (std::int64_t y = 1; y < 8; ++y) CHECK(rgb.at(3, y)[0] == 255);                          // its stem
  CHECK(rgb.at(2, 5)[0] == 0);
  CHECK(rgb.at(8, 7)[0] == 255);  // the full stop
  Image large = filled(28, 20, 3, 0);
  draw_text(large, 2, 2, "T.", {255, 255, 255}, 2);
  for (std::int64_t y = 0; y < 20; ++y)
    for (std::int64_t x = 0; x < 28; ++x) REQUIRE(large.at(x, y)[0] == rgb.at(x / 2, y / 2)[0]);
  Image cut = filled(4, 4, 3, 0);
  draw_text(cut, -3, -1, "MM", {255, 255, 255}, 3);  // writes nowhere else
  CHECK(text_width("abc", 2) == 36);
}

TEST_CASE("text: every character has a look of its own") {
  std::set<std::vector<std::uint8_t>> seen;
  for (int c = 33; c <= 127; ++c) {
    Image rgb = filled(6, 8, 3, 0);
    draw_text(rgb, 0, 0, std::string(1, static_cast<char>(c)), {255, 255, 255}, 1);
    CHECK(seen.insert(rgb.pixels).second);
    CHECK(rgb.at(5, 4)[0] == 0);  // the space behind it
  }
  Image box = filled(6, 8, 3, 0), umlaut = box;
  draw_text(box, 0, 0, "\x7f", {255, 255, 255}, 1);
  draw_text(umlaut, 0, 0, "\xe4", {255, 255, 255}, 1);
  CHECK(box.pixels == umlaut.pixels);
}

TEST_CASE("text: shortened to fit") {
  CHECK(fit_text("lesion", 72, 2) == "lesion");
  CHECK(fit_text("lesion", 71, 2) == "les..");
  CHECK(fit_text("lesion", 5, 2) == "..");
}

TEST_CASE("draw: a sheet of pictures of several sizes") {
  const Image result = sheet({filled(4, 2, 3, 10), filled(2, 4, 1, 20), filled(4, 4, 3, 30)}, 2, 1);
  CHECK(result.width == 9);
  CHECK(result.height == 9);
  CHECK(result.at(0, 0)[0] == 255);
  CHECK(result.at(0, 1)[0] == 10);  // centred in its cell
  CHECK(result.at(4, 1)[0] == 255);
  CHECK(result.at(6, 0)[2] == 20);  // grey became RGB
  CHECK(result.at(5, 0)[0] == 255);
  CHECK(result.at(3, 8)[0] == 30);
  CHECK(result.at(8, 8)[0] == 255);
  CHECK(sheet({filled(3, 2, 3, 1)}, 5).width == 3);
  CHECK_THROWS_AS(sheet({}, 2), Error);
  CHECK(distinct_colour(0) != distinct_colour(1));
  CHECK(distinct_colour(0) == distinct_colour(7));
}

}  // namespace medusa::datasets

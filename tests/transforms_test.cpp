// Augmentation: what each change does, the same for image and mask, and by (seed, epoch, index) alone.
#include "datasets/transforms/transforms.h"

#include <algorithm>

#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;

// A blob off the centre, on red = its mask.
Picture blob(std::int64_t width = 40, std::int64_t height = 30) {
  Picture p{Image(width, height, 3), Image(width, height, 1)};
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const bool in = (x - 14) * (x - 14) + 2 * (y - 12) * (y - 12) < 60;
      *p.mask.at(x, y) = in ? 255 : 0;
      p.image.at(x, y)[0] = in ? 255 : 0;
      p.image.at(x, y)[1] = static_cast<std::uint8_t>(4 * x);
      p.image.at(x, y)[2] = static_cast<std::uint8_t>(5 * y);
    }
  return p;
}

AugmentOptions only(double AugmentOptions::*member, double value) {
  AugmentOptions o = AugmentOptions::none();
  o.*member = value;
  return o;
}

TEST_CASE("augment: none changes nothing; flips are exact, for image and mask") {
  const Picture p = blob();
  CHECK(augment(p, AugmentOptions::none(), 1, 2, 3).image.pixels == p.image.pixels);
  const Picture m = augment(p, only(&AugmentOptions::horizontal_flip, 1), 1, 2, 3);
  const Picture f = augment(p, only(&AugmentOptions::vertical_flip, 1), 1, 2, 3);
  for (std::int64_t y = 0; y < 30; ++y)
    for (std::int64_t x = 0; x < 40; ++x) {
      CHECK(std::equal(m.image.at(x, y), m.image.at(x, y) + 3, p.image.at(39 - x, y)));
      CHECK(*m.mask.at(x, y) == *p.mask.at(39 - x, y));
      CHECK(std::equal(f.image.at(x, y), f.image.at(x, y) + 3, p.image.at(x, 29 - y)));
      CHECK(*f.mask.at(x, y) == *p.mask.at(x, 29 - y));
    }
}

TEST_CASE("augment: depends on seed, epoch and index, and on nothing else") {
  const Picture p = blob();
  const auto pixels = [&](std::uint64_t seed, std::int64_t epoch, std::int64_t index) {
    return augment(p, AugmentOptions::rich(), seed, epoch, index).image.pixels;
  };
  CHECK(pixels(1, 2, 3) == pixels(1, 2, 3));
  CHECK(pixels(1, 2, 3) != pixels(2, 2, 3));
  CHECK(pixels(1, 2, 3) != pixels(1, 3, 3));
  CHECK(pixels(1, 2, 3) != pixels(1, 2, 4));
}

TEST_CASE("augment: by default half of the pictures are mirrored, a half is upside down") {
  Picture p{Image(2, 2, 3), Image()};
  for (std::size_t i = 0; i < 12; ++i) p.image.pixels[i] = static_cast<std::uint8_t>(i);
  int first[4] = {};
  for (int i = 0; i < 400; ++i) ++first[augment(p, AugmentOptions(), 5, 0, i).image.pixels[0] / 3];
  for (int n : first) CHECK(std::abs(n - 100) < 40);  // four corners, each with a chance of a quarter
}

TEST_CASE("augment: rotation, zoom and shift move image and mask alike") {
  const Picture p = blob();
  for (auto member : {&AugmentOptions::rotation, &AugmentOptions::scale, &AugmentOptions::translation}) {
    const AugmentOptions o = only(member, member == &AugmentOptions::rotation ? 180 : 0.3);
    int moved = 0;
    for (int index = 0; index < 8; ++index) {
      const Picture q = augment(p, o, 3, 0, index);
      int differ = 0, area = 0;
      for (std::size_t i = 0; i < q.mask.pixels.size(); ++i) {
        CHECK((q.mask.pixels[i] == 0 || q.mask.pixels[i] == 255));
        differ += (q.image.pixels[3 * i] >= 128) != (q.mask.pixels[i] == 255);
        area += q.mask.pixels[i] == 255;
      }
      CHECK(area > 40);
      CHECK(differ <= area / 8);  // along the outline the mask is the nearest pixel, the image a blend
      moved += q.image.pixels != p.image.pixels;
    }
    CHECK(moved == 8);
  }
}

TEST_CASE("augment: colours change the image and leave the mask") {
  const Picture p = blob();
  for (auto member :
       {&AugmentOptions::brightness, &AugmentOptions::contrast, &AugmentOptions::saturation, &AugmentOptions::hue}) {
    const Picture q = augment(p, only(member, 0.4), 3, 0, 1);
    CHECK(q.image.pixels != p.image.pixels);
    CHECK(q.mask.pixels == p.mask.pixels);
  }
  // Contrast and saturation keep a grey picture grey, hue keeps it as it is.
  Picture grey{Image(4, 4, 3), Image()};
  for (std::size_t i = 0; i < grey.image.pixels.size(); ++i)
    grey.image.pixels[i] = static_cast<std::uint8_t>(16 * (i / 3));
  CHECK(augment(grey, only(&AugmentOptions::hue, 0.5), 3, 0, 1).image.pixels == grey.image.pixels);
  CHECK(augment(grey, only(&AugmentOptions::saturation, 0.5), 3, 0, 1).image.pixels == grey.image.pixels);
  const Picture flat = augment(grey, only(&AugmentOptions::contrast, 0.5), 3, 0, 1);
  for (std::size_t i = 0; i < flat.image.pixels.size(); i += 3) CHECK(flat.image.pixels[i] == flat.image.pixels[i + 2]);
}

TEST_CASE("augment: hue keeps the largest and the smallest channel") {
  Picture p{Image(1, 1, 3), Image()};
  p.image.pixels = {220, 40, 100};
  for (int index = 0; index < 20; ++index) {
    const auto q = augment(p, only(&AugmentOptions::hue, 0.5), 3, 0, index).image.pixels;
    CHECK(*std::max_element(q.begin(), q.end()) == 220);
    CHECK(*std::min_element(q.begin(), q.end()) == 40);
  }
}

TEST_CASE("augment: options out of range are named") {
  CHECK_NOTHROW(check(AugmentOptions()));
  CHECK_NOTHROW(check(AugmentOptions::rich()));
  CHECK(input_error([] { check(only(&AugmentOptions::rotation, 200)); }) == "augment: rotation 200: expected 0 to 180");
  CHECK(contains(input_error([] { check(only(&AugmentOptions::horizontal_flip, -1)); }),
                 "flip-horizontal -1: expected 0 to 1"));
  CHECK(contains(input_error([] { check(only(&AugmentOptions::hue, 0.0 / 0.0)); }), "nan: expected 0 to 0.5"));
  Normalisation n;
  CHECK_NOTHROW(check(n));
  n.std[1] = 0;
  CHECK(contains(input_error([&] { check(n); }), "channel 1"));
}

TEST_CASE("to_input, to_mask: numbers") {
  Image image(2, 1, 3);
  image.pixels = {0, 255, 128, 255, 0, 1};
  const Tensor t = to_input(image, Normalisation());
  CHECK(t.shape() == Shape{1, 2, 3});
  CHECK(t.at(0) == doctest::Approx(-0.485 / 0.229));
  CHECK(t.at(1) == doctest::Approx((1 - 0.456) / 0.224));
  CHECK(t.at(2) == doctest::Approx((128 / 255.0 - 0.406) / 0.225));
  Image grey(3, 1, 1);
  grey.pixels = {127, 128, 255};
  CHECK(to_mask(grey).to_vector() == std::vector<real>{0, 1, 1});
  CHECK(to_mask(grey).shape() == Shape{1, 3, 1});
}

}  // namespace
}  // namespace medusa::datasets

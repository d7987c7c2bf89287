// EXIF orientation: all eight, in JPEG and PNG, of 8 and 16 bits; damaged EXIF data.
#include "datasets/images/orientation.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;

namespace {

std::string number(std::size_t value, int bytes, bool big) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * (big ? bytes - 1 - i : i) & 255);
  return out;
}

// A TIFF header and a directory of two entries, of which the second is the orientation.
std::string exif(int orientation, bool big) {
  const auto n = [&](std::size_t value, int bytes) { return number(value, bytes, big); };
  return (big ? std::string("MM\0*", 4) : std::string("II*\0", 4)) + n(8, 4) + n(2, 2) +  //
         n(0x010F, 2) + n(2, 2) + n(1, 4) + n(0, 4) +                                     // the maker
         n(0x0112, 2) + n(3, 2) + n(1, 4) + n(static_cast<std::size_t>(orientation), 2) + n(0, 2) + n(0, 4);
}
std::string jpeg_with(const std::string& jpeg, const std::string& tiff) {
  return jpeg.substr(0, 2) + "\xFF\xE1" + number(tiff.size() + 8, 2, true) + std::string("Exif\0\0", 6) + tiff +
         jpeg.substr(2);
}
std::string png_with(const std::string& png, const std::string& tiff) {
  const std::string chunk = "eXIf" + tiff;
  const std::size_t end_of_header = 8 + 25;
  return png.substr(0, end_of_header) + number(tiff.size(), 4, true) + chunk +
         number(crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size())), 4, true) +
         png.substr(end_of_header);
}
Image decode(const std::string& text) {
  return decode_image({reinterpret_cast<const unsigned char*>(text.data()), text.size()}, "x");
}

// A picture of letters, a row each; `block` pixels wide and high are a letter.
Image picture(const std::vector<std::string>& rows, std::int64_t block = 1) {
  const auto height = static_cast<std::int64_t>(rows.size()), width = static_cast<std::int64_t>(rows[0].size());
  Image image(width * block, height * block, 3);
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t x = 0; x < image.width; ++x)
      for (std::int64_t c = 0; c < 3; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(
            40 * (rows[static_cast<std::size_t>(y / block)][static_cast<std::size_t>(x / block)] - 'a') + c);
  return image;
}

const std::vector<std::string> kStored{"abc", "def"};
const std::vector<std::vector<std::string>> kUpright{{"abc", "def"},     {"cba", "fed"},     {"fed", "cba"},
                                                     {"def", "abc"},     {"ad", "be", "cf"}, {"da", "eb", "fc"},
                                                     {"fc", "eb", "da"}, {"cf", "be", "ad"}};

}  // namespace

TEST_CASE("orientation: all eight of a PNG, the same as viewers show") {
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (bool big : {false, true}) {
      INFO(orientation);
      const Image expected = picture(kUpright[static_cast<std::size_t>(orientation - 1)]);
      const Image seen = decode(png_with(encode_png(picture(kStored)), exif(orientation, big)));
      CHECK(seen.width == expected.width);
      CHECK(seen.height == expected.height);
      CHECK(seen.pixels == expected.pixels);
    }
}

TEST_CASE("orientation: all eight of a JPEG") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    INFO(orientation);
    const Image expected = picture(kUpright[static_cast<std::size_t>(orientation - 1)], 16);
    const Image seen =
        decode(jpeg_with(encode_jpeg(picture(kStored, 16), 95), exif(orientation, orientation % 2 == 0)));
    CHECK(seen.width == expected.width);
    CHECK(seen.height == expected.height);
    int most = 0;
    for (std::size_t i = 0; i < seen.pixels.size(); ++i)
      most = std::max(most, std::abs(seen.pixels[i] - expected.pixels[i]));
    CHECK(most <= 6);
  }
}

TEST_CASE("orientation: 16 bits are turned with the 8") {
  Image stored(3, 2, 1);
  for (std::size_t i = 0; i < 6; ++i) {
    stored.pixels[i] = static_cast<std::uint8_t>(i);
    stored.pixels16.push_back(static_cast<std::uint16_t>(257 * i));
  }
  const Image turned = upright(stored, 6);
  CHECK(turned.width == 2);
  CHECK(turned.height == 3);
  CHECK(turned.pixels == std::vector<std::uint8_t>{3, 0, 4, 1, 5, 2});
  CHECK(turned.pixels16 == std::vector<std::uint16_t>{771, 0, 1028, 257, 1285, 514});
}

TEST_CASE("orientation: damaged or invalid EXIF data leave the picture as it is stored") {
  const std::string png = encode_png(picture(kStored)), good = exif(6, false);
  const Image stored = decode(png);
  for (std::size_t length = 0; length < good.size() - 8; ++length) {
    INFO(length);
    CHECK(decode(png_with(png, good.substr(0, length))).pixels == stored.pixels);
  }
  for (int orientation : {0, 9, 255, 65535})
    CHECK(decode(png_with(png, exif(orientation, true))).pixels == stored.pixels);
  std::string far = good;
  far.replace(4, 4, "\xFF\xFF\xFF\xFF");  // the directory lies beyond the end
  CHECK(decode(png_with(png, far)).pixels == stored.pixels);
  CHECK(exif_orientation({}) == 1);
}

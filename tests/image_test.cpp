// PNG and JPEG in all their kinds, damaged files, changes of size and channels.
#include "datasets/images/image.h"

#include <png.h>
#include <zlib.h>

#include <cstring>

#include "tensor/random.h"
#include "tests/data_fixture.h"
#include "tests/special_jpeg.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;
using test::runtime_error;
using test::special_jpeg;

std::span<const unsigned char> bytes_of(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}
Image decode(const std::string& text) { return decode_image(bytes_of(text), "x.img"); }

Image random_image(std::int64_t w, std::int64_t h, std::int64_t c, std::uint64_t seed = 1) {
  Image image(w, h, c);
  Random random(seed);
  for (std::uint8_t& v : image.pixels) v = static_cast<std::uint8_t>(random.below(256));
  return image;
}
// Without sharp edges, so that JPEG keeps it nearly as it is.
Image smooth_image(std::int64_t w, std::int64_t h, std::int64_t c) {
  Image image(w, h, c);
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x)
      for (std::int64_t k = 0; k < c; ++k) image.at(x, y)[k] = static_cast<std::uint8_t>(40 + 2 * x + 3 * y + 20 * k);
  return image;
}

int largest_difference(const Image& a, const Image& b) {
  REQUIRE(a.pixels.size() == b.pixels.size());
  int most = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) most = std::max(most, std::abs(a.pixels[i] - b.pixels[i]));
  return most;
}

// A PNG that encode_png does not write: packed rows of any depth, interlaced, with palette and transparency.
struct RawPng {
  int width, height, depth, color;
  std::vector<std::vector<unsigned char>> rows;
  bool interlaced = false;
  std::vector<png_color> palette = {};
  std::vector<unsigned char> transparency = {};

  std::string encode() {
    std::string out;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(
        png, &out,
        [](png_structp p, png_bytep from, std::size_t n) {
          static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(from), n);
        },
        [](png_structp) {});
    png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), depth, color,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (!palette.empty()) png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
    if (!transparency.empty())
      png_set_tRNS(png, info, transparency.data(), static_cast<int>(transparency.size()), nullptr);
    png_write_info(png, info);
    std::vector<png_bytep> pointers;
    for (auto& row : rows) pointers.push_back(row.data());
    png_write_image(png, pointers.data());
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return out;
  }
};

std::vector<std::vector<unsigned char>> rows_of(const Image& image) {
  std::vector<std::vector<unsigned char>> rows;
  for (std::int64_t y = 0; y < image.height; ++y)
    rows.emplace_back(image.at(0, y), image.at(0, y) + image.width * image.channels);
  return rows;
}

std::string with_size(std::string png, std::uint32_t width, std::uint32_t height) {
  for (std::size_t i = 0; i < 4; ++i) {
    png[16 + i] = static_cast<char>(width >> (24 - 8 * i));
    png[20 + i] = static_cast<char>(height >> (24 - 8 * i));
  }
  const uLong crc = ::crc32(0, reinterpret_cast<const Bytef*>(png.data()) + 12, 17);
  for (std::size_t i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
  return png;
}

TEST_CASE("image: PNG of 1 to 4 channels comes back bit for bit") {
  for (std::int64_t channels = 1; channels <= 4; ++channels)
    for (auto [w, h] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {7, 5}, {33, 2}}) {
      CAPTURE(channels);
      const Image image = random_image(w, h, channels), back = decode(encode_png(image));
      CHECK(back.width == w);
      CHECK(back.height == h);
      CHECK(back.channels == channels);
      CHECK(back.pixels == image.pixels);
      CHECK(back.pixels16.empty());
    }
}

TEST_CASE("image: 16-bit PNG keeps its values and has 8-bit ones beside them") {
  Image image(3, 1, 1);
  image.pixels16 = {0, 32767, 65535};
  const Image back = decode(encode_png(image));
  CHECK(back.pixels16 == image.pixels16);
  CHECK(back.pixels == std::vector<std::uint8_t>{0, 127, 255});
}

TEST_CASE("image: greys of 1, 2 and 4 bits reach from 0 to 255") {
  CHECK(decode(RawPng{5, 1, 1, PNG_COLOR_TYPE_GRAY, {{0b10110000}}}.encode()).pixels ==
        std::vector<std::uint8_t>{255, 0, 255, 255, 0});
  CHECK(decode(RawPng{4, 1, 2, PNG_COLOR_TYPE_GRAY, {{0b00011011}}}.encode()).pixels ==
        std::vector<std::uint8_t>{0, 85, 170, 255});
  CHECK(decode(RawPng{3, 1, 4, PNG_COLOR_TYPE_GRAY, {{0x0F, 0x30}}}.encode()).pixels ==
        std::vector<std::uint8_t>{0, 255, 51});
}

TEST_CASE("image: a palette is applied, also one that is upside down") {
  Image lesion(2, 1, 1);  // indices: 0 = white = lesion, 1 = black
  lesion.pixels = {0, 1};
  const Image back = decode(encode_palette_png(lesion, std::vector<std::uint8_t>{255, 255, 255, 0, 0, 0}));
  CHECK(back.channels == 3);
  CHECK(to_grey(back).pixels == std::vector<std::uint8_t>{255, 0});

  RawPng packed{4, 1, 2, PNG_COLOR_TYPE_PALETTE, {{0b00011011}}};
  packed.palette = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {250, 251, 252}};
  CHECK(decode(packed.encode()).pixels == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252});
  packed.transparency = {0, 128};
  const Image clear = decode(packed.encode());
  CHECK(clear.channels == 4);
  CHECK(clear.pixels[3] == 0);
  CHECK(clear.pixels[7] == 128);
  CHECK(to_rgb(clear).pixels == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252});
}

TEST_CASE("image: an interlaced PNG reads like a plain one") {
  const Image image = random_image(13, 9, 3);
  RawPng raw{13, 9, 8, PNG_COLOR_TYPE_RGB, rows_of(image)};
  raw.interlaced = true;
  CHECK(decode(raw.encode()).pixels == image.pixels);
}

TEST_CASE("image: JPEG, grey and colour, baseline and progressive, keeps a smooth picture") {
  for (std::int64_t channels : {1, 3})
    for (auto [w, h] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {17, 11}, {40, 16}}) {
      CAPTURE(channels);
      const Image image = smooth_image(w, h, channels);
      const Image back = decode(encode_jpeg(image, 98));
      CHECK(back.width == w);
      CHECK(back.height == h);
      CHECK(back.channels == channels);
      CHECK(largest_difference(image, back) <= 6);
      const J_COLOR_SPACE space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
      CHECK(largest_difference(image,
                               decode(special_jpeg(image, {.space = space, .progressive = true, .quality = 98}))) <= 6);
    }
}

TEST_CASE("image: CMYK becomes RGB") {
  Image ink(16, 16, 4);  // as Adobe stores it, 255 = no ink: some cyan, no magenta, half the yellow, a little black
  for (std::size_t i = 0; i < ink.pixels.size(); i += 4) {
    const std::uint8_t values[4] = {200, 255, 127, 230};
    std::copy(values, values + 4, &ink.pixels[i]);
  }
  const Image back = decode(special_jpeg(ink, {.space = JCS_CMYK, .quality = 98}));
  CHECK(back.channels == 3);
  CHECK(std::abs(back.pixels[0] - 200 * 230 / 255) <= 2);
  CHECK(std::abs(back.pixels[1] - 230) <= 2);
  CHECK(std::abs(back.pixels[2] - 127 * 230 / 255) <= 2);
}

TEST_CASE("image: a file cut off anywhere is an error that names it, never half a picture") {
  const std::string png = encode_png(random_image(9, 7, 3)), jpeg = encode_jpeg(random_image(24, 20, 3), 80);
  RawPng raw{9, 7, 8, PNG_COLOR_TYPE_RGB, rows_of(random_image(9, 7, 3))};
  raw.interlaced = true;
  for (const std::string& whole :
       {png, jpeg, raw.encode(), special_jpeg(random_image(24, 20, 3), {.progressive = true})}) {
    CHECK_NOTHROW(decode(whole));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      CAPTURE(n);
      CAPTURE(whole.size());
      CHECK(contains(input_error([&] { decode(whole.substr(0, n)); }), "x.img: "));
    }
  }
  CHECK(contains(input_error([&] { decode(png.substr(0, 60)); }), "x.img: is not a valid PNG: the file is truncated"));
  CHECK(contains(input_error([&] { decode(jpeg.substr(0, jpeg.size() / 2)); }), "x.img: is not a valid JPEG: "));
}

TEST_CASE("image: a damaged byte in a PNG's pixels is an error") {
  std::string png = encode_png(random_image(9, 7, 3));
  png[60] = static_cast<char>(png[60] ^ 4);
  CHECK(contains(input_error([&] { decode(png); }), "x.img: is not a valid PNG: "));
}

TEST_CASE("image: sizes that no file of that length can have are refused before memory is asked for") {
  const std::string png = encode_png(random_image(9, 7, 3));
  CHECK(contains(input_error([&] { decode(with_size(png, 0x80000000u, 0x80000000u)); }),
                 "x.img: claims 2147483648x2147483648 pixels, at most 268435456 are supported"));
  CHECK(
      contains(input_error([&] { decode(with_size(png, 0x7fffffffu, 0x7fffffffu)); }), "claims 2147483647x2147483647"));
  CHECK(
      contains(input_error([&] { decode(with_size(png, 16000, 16000)); }), "claims 16000x16000 pixels, more than its"));
  CHECK(!input_error([&] { decode(with_size(png, 0, 7)); }).empty());

  std::string jpeg = encode_jpeg(smooth_image(16, 16, 1), 80);
  const std::size_t frame = jpeg.find("\xFF\xC0");  // marker, length (2), precision, height (2), width (2)
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xFF\x00\xFF\x00", 4);
  CHECK(contains(input_error([&] { decode(jpeg); }), "x.img: is not a valid JPEG: claims 65280x65280 pixels"));
  jpeg.replace(frame + 5, 4, "\x20\x00\x20\x00", 4);
  CHECK(contains(input_error([&] { decode(jpeg); }), "claims 8192x8192 pixels"));
}

TEST_CASE("image: what is no picture is named, with how it starts") {
  test::TempFolder folder;
  test::save(folder / "text.png", "hello, world");
  test::save(folder / "empty.png", "");
  test::save(folder / "bytes.jpg", std::string("\x00\x01\xFE", 3));
  CHECK(input_error([&] { read_image(folder / "text.png"); }) ==
        folder / "text.png: is neither PNG nor JPEG: starts with \"hello, w\"");
  CHECK(input_error([&] { read_image(folder / "empty.png"); }) == folder / "empty.png: is empty (0 bytes)");
  CHECK(contains(input_error([&] { read_image(folder / "bytes.jpg"); }), "starts with bytes 00 01 fe"));
  CHECK(contains(input_error([&] { read_image(folder / "absent.png"); }), "absent.png"));
  CHECK(contains(input_error([&] { read_image(folder.path); }), folder.path));
  test::save(folder / "really_a.jpg", encode_png(random_image(3, 3, 3)));  // the name does not matter
  CHECK(read_image(folder / "really_a.jpg").width == 3);
}

TEST_CASE("image: writing where nothing can be written") {
  test::TempFolder folder;
  const Image image = random_image(4, 4, 3);
  CHECK(contains(runtime_error([&] { write_png(folder / "no/such/folder/x.png", image); }), "no/such/folder/x.png"));
  write_png(folder / "x.png", image);
  CHECK(read_image(folder / "x.png").pixels == image.pixels);
  CHECK(contains(runtime_error([] { encode_png(Image()); }), "png: cannot encode 0x0x0"));
  CHECK(contains(runtime_error([] { encode_jpeg(Image(4, 4, 2), 90); }), "jpeg: cannot encode 4x4x2"));
  CHECK(contains(runtime_error([] { encode_palette_png(Image(4, 4, 3), std::vector<std::uint8_t>(6)); }), "palette"));
}

TEST_CASE("image: channels") {
  Image grey_alpha(1, 1, 2);
  grey_alpha.pixels = {90, 3};
  CHECK(to_rgb(grey_alpha).pixels == std::vector<std::uint8_t>{90, 90, 90});
  CHECK(to_grey(grey_alpha).pixels == std::vector<std::uint8_t>{90});
  Image red(1, 1, 3);
  red.pixels = {255, 0, 0};
  CHECK(to_grey(red).pixels == std::vector<std::uint8_t>{76});  // 0.299 * 255
  Image grey(1, 1, 3);
  grey.pixels = {200, 200, 200};
  CHECK(to_grey(grey).pixels == std::vector<std::uint8_t>{200});
}

TEST_CASE("resize: triangle filter, as wide as an output pixel when shrinking") {
  Image line(4, 1, 1);
  line.pixels = {0, 100, 200, 255};
  // Weights 3/7, 3/7, 1/7 on the first three and mirrored: 71.4 and 209.3.
  CHECK(resize(line, 2, 1).pixels == std::vector<std::uint8_t>{71, 209});
  Image two(2, 1, 1);
  two.pixels = {0, 100};
  CHECK(resize(two, 4, 1).pixels == std::vector<std::uint8_t>{0, 25, 75, 100});
  Image column(1, 4, 1);
  column.pixels = line.pixels;
  CHECK(resize(column, 1, 2).pixels == std::vector<std::uint8_t>{71, 209});
}

TEST_CASE("resize: the same size changes nothing, a flat picture stays flat, channels keep apart") {
  const Image image = random_image(11, 6, 3);
  CHECK(resize(image, 11, 6).pixels == image.pixels);
  Image flat(13, 9, 3);
  for (std::size_t i = 0; i < flat.pixels.size(); ++i)
    flat.pixels[i] = static_cast<std::uint8_t>(i % 3 == 0 ? 255 : i % 3);
  for (auto [w, h] : {std::pair<std::int64_t, std::int64_t>{5, 4}, {29, 31}, {1, 1}, {13, 3}}) {
    const Image small = resize(flat, w, h);
    REQUIRE(small.pixels.size() == static_cast<std::size_t>(w * h * 3));
    for (std::size_t i = 0; i < small.pixels.size(); ++i) CHECK(small.pixels[i] == (i % 3 == 0 ? 255 : i % 3));
  }
  CHECK(contains(runtime_error([&] { resize(image, 0, 5); }), "resize: invalid size 0x5"));
  CHECK(contains(runtime_error([&] { resize(Image(), 5, 5); }), "resize: empty picture"));
}

}  // namespace
}  // namespace medusa::datasets

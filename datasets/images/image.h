// 8-bit (and 16-bit grey) pictures: reading PNG and JPEG, writing PNG, changing size and colour channels.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace medusa::datasets {

// pixels[(y * width + x) * channels + c]; channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha, 0 no picture.
struct Image {
  std::int64_t width = 0, height = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint16_t> pixels16;  // the full values where the file had 16 bits per channel; else empty

  Image() = default;
  Image(std::int64_t w, std::int64_t h, std::int64_t c)
      : width(w), height(h), channels(c), pixels(static_cast<std::size_t>(w * h * c)) {}

  std::uint8_t* at(std::int64_t x, std::int64_t y) {
    return &pixels[static_cast<std::size_t>((y * width + x) * channels)];
  }
  const std::uint8_t* at(std::int64_t x, std::int64_t y) const {
    return &pixels[static_cast<std::size_t>((y * width + x) * channels)];
  }
};

// No picture may have more pixels than this: checked before memory is allocated.
inline constexpr std::int64_t kMaxPixels = std::int64_t{1} << 28;

// Reads a PNG or JPEG file, told apart by content.  Palettes are applied, 1, 2 and 4 bit greys become 0..255, CMYK
// becomes RGB; a picture that its EXIF data call turned is turned upright.  Throws InputError naming the file and the
// reason; a truncated file is an error.
Image read_image(const std::string& path);
// The same from memory; `name` stands for the file in messages.
Image decode_image(std::span<const unsigned char> bytes, const std::string& name);
// As the file stores it, whatever its EXIF data say.
Image decode_png(std::span<const unsigned char> bytes, const std::string& name);
Image decode_jpeg(std::span<const unsigned char> bytes, const std::string& name);

// An 8-bit PNG of 1 to 4 channels (16-bit where pixels16 is filled); the file appears whole or not at all.
void write_png(const std::string& path, const Image& image);
std::string encode_png(const Image& image);
// A palette PNG: `image` has one channel, its values are indices into `palette` of up to 256 {R, G, B}.
std::string encode_palette_png(const Image& image, std::span<const std::uint8_t> palette);
// A baseline JPEG of 1 or 3 channels, quality 1..100, 4:4:4.
std::string encode_jpeg(const Image& image, int quality);

// Three channels from any number, in 8 bits: grey is repeated, alpha is dropped.
Image to_rgb(const Image& image);
// One channel in 8 bits: luma 0.299 R + 0.587 G + 0.114 B, alpha is dropped.
Image to_grey(const Image& image);

// The numbers of a mask or of classes, one channel of up to 255: those of a picture of 16 bits as they are, if they all
// fit.
Image read_labels(const std::string& path);
// A mask: inside is what has 128 or more.  One that holds 0 and 1 becomes 0 and 255.  Throws InputError, too, if the
// largest value is in between: what is inside is unknown then.
Image read_mask(const std::string& path);

// Bilinear with a triangle filter that widens when shrinking (no aliasing): what Pillow calls BILINEAR, bit for bit.
Image resize(const Image& image, std::int64_t width, std::int64_t height);

}  // namespace medusa::datasets

#include "datasets/images/image.h"

#include <algorithm>

#include "datasets/images/orientation.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

// The first bytes of a file, as readable as they get: "hello" or 00 01 fe.
std::string first_bytes(std::span<const unsigned char> bytes) {
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 8));
  if (std::all_of(head.begin(), head.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; }))
    return '"' + std::string(head.begin(), head.end()) + '"';
  std::string text = "bytes";
  for (unsigned char c : head) text += fmt::format(" {:02x}", c);
  return text;
}

Image in_8_bits(Image image) {
  image.pixels16.clear();
  return image;
}

}  // namespace

Image decode_image(std::span<const unsigned char> bytes, const std::string& name) {
  MEDUSA_CHECK_INPUT(!bytes.empty(), "{}: is empty (0 bytes)", name);
  if (bytes.size() >= 4 && bytes[0] == 0x89 && bytes[1] == 'P' && bytes[2] == 'N' && bytes[3] == 'G')
    return upright(decode_png(bytes, name), exif_orientation(bytes));
  if (bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF)
    return upright(decode_jpeg(bytes, name), exif_orientation(bytes));
  fail_input("{}: is neither PNG nor JPEG: starts with {}", name, first_bytes(bytes));
}

Image read_image(const std::string& path) {
  const std::vector<unsigned char> bytes = read_file(path, std::size_t{1} << 31);
  return decode_image(bytes, path);
}

void write_png(const std::string& path, const Image& image) { write_file(path, encode_png(image)); }

Image to_rgb(const Image& image) {
  MEDUSA_CHECK(image.channels >= 1 && image.channels <= 4, "to_rgb: image has {} channels", image.channels);
  if (image.channels == 3) return in_8_bits(image);
  Image rgb(image.width, image.height, 3);
  const std::size_t step = static_cast<std::size_t>(image.channels), g = image.channels == 4 ? 1 : 0, b = 2 * g;
  const std::size_t n = static_cast<std::size_t>(image.width * image.height);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint8_t* from = &image.pixels[i * step];
    std::uint8_t* to = &rgb.pixels[i * 3];
    to[0] = from[0];
    to[1] = from[g];
    to[2] = from[b];
  }
  return rgb;
}

Image to_grey(const Image& image) {
  MEDUSA_CHECK(image.channels >= 1 && image.channels <= 4, "to_grey: image has {} channels", image.channels);
  if (image.channels == 1) return in_8_bits(image);
  Image grey(image.width, image.height, 1);
  const std::size_t step = static_cast<std::size_t>(image.channels);
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    const std::uint8_t* from = &image.pixels[i * step];
    // ITU-R 601 luma in 16-bit fixed point, rounded: 19595 + 38470 + 7471 = 65536.
    grey.pixels[i] =
        image.channels == 2
            ? from[0]
            : static_cast<std::uint8_t>((from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 0x8000u) >> 16);
  }
  return grey;
}

Image read_labels(const std::string& path) {
  Image stored = read_image(path);
  const auto& deep = stored.pixels16;
  if (!deep.empty() && *std::max_element(deep.begin(), deep.end()) <= 255)
    stored.pixels.assign(deep.begin(), deep.end());
  return to_grey(stored);
}

Image read_mask(const std::string& path) {
  Image mask = read_labels(path);
  const std::uint8_t largest = *std::max_element(mask.pixels.begin(), mask.pixels.end());
  MEDUSA_CHECK_INPUT(largest <= 1 || largest >= 128, "{}: holds values up to {}, expected 0 and 255, or 0 and 1", path,
                     largest);
  if (largest == 1)
    for (std::uint8_t& v : mask.pixels) v = v == 1 ? 255 : 0;
  return mask;
}

}  // namespace medusa::datasets

#include "datasets/images/orientation.h"

#include <algorithm>
#include <cstring>

namespace medusa::datasets {
namespace {

using Bytes = std::span<const unsigned char>;

// Unsigned number of `count` bytes; 0 beyond the end.
std::size_t number(Bytes bytes, std::size_t at, std::size_t count, bool big_endian) {
  if (at > bytes.size() || bytes.size() - at < count) return 0;
  std::size_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[at + (big_endian ? i : count - 1 - i)];
  return value;
}

bool starts_with(Bytes bytes, const char* text, std::size_t length) {
  return bytes.size() >= length && std::memcmp(bytes.data(), text, length) == 0;
}

// From EXIF data: a TIFF header and its first directory.
int orientation_in(Bytes tiff) {
  constexpr std::size_t kTag = 0x0112, kShort = 3;
  const bool big = starts_with(tiff, "MM\0*", 4);
  if (!big && !starts_with(tiff, "II*\0", 4)) return 1;
  const std::size_t directory = number(tiff, 4, 4, big), entries = number(tiff, directory, 2, big);
  for (std::size_t e = 0; e < entries; ++e) {
    const std::size_t at = directory + 2 + 12 * e;
    if (number(tiff, at, 2, big) != kTag) continue;
    const std::size_t value = number(tiff, at + 2, 2, big) == kShort ? number(tiff, at + 8, 2, big) : 0;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

int orientation_in_jpeg(Bytes bytes) {
  constexpr std::size_t kApp1 = 0xE1, kStartOfScan = 0xDA;
  for (std::size_t at = 2; at + 4 <= bytes.size() && bytes[at] == 0xFF;) {
    const std::size_t marker = bytes[at + 1], length = number(bytes, at + 2, 2, true);
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    if (marker == kStartOfScan || length < 2 || bytes.size() - at - 2 < length) return 1;
    const Bytes segment = bytes.subspan(at + 4, length - 2);
    if (marker == kApp1 && starts_with(segment, "Exif\0\0", 6)) return orientation_in(segment.subspan(6));
    at += 2 + length;
  }
  return 1;
}

int orientation_in_png(Bytes bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    const std::size_t length = number(bytes, at, 4, true);
    if (bytes.size() - at - 12 < length) return 1;
    if (starts_with(bytes.subspan(at + 4), "eXIf", 4)) return orientation_in(bytes.subspan(at + 8, length));
    at += 12 + length;
  }
  return 1;
}

template <class T>
std::vector<T> turned(const std::vector<T>& pixels, const Image& from, int orientation) {
  const std::int64_t w = from.width, h = from.height;
  const bool sideways = orientation >= 5;
  std::vector<T> out;
  out.reserve(pixels.size());
  for (std::int64_t y = 0; y < (sideways ? w : h); ++y)
    for (std::int64_t x = 0; x < (sideways ? h : w); ++x) {
      std::int64_t sx = sideways ? y : x, sy = sideways ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = w - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) sy = h - 1 - sy;
      const auto first = pixels.begin() + (sy * w + sx) * from.channels;
      out.insert(out.end(), first, first + from.channels);
    }
  return out;
}

}  // namespace

int exif_orientation(Bytes bytes) {
  return starts_with(bytes, "\x89PNG", 4) ? orientation_in_png(bytes) : orientation_in_jpeg(bytes);
}

Image upright(const Image& stored, int orientation) {
  if (orientation == 1) return stored;
  Image image = stored;
  image.pixels = turned(stored.pixels, stored, orientation);
  if (!stored.pixels16.empty()) image.pixels16 = turned(stored.pixels16, stored, orientation);
  if (orientation >= 5) std::swap(image.width, image.height);
  return image;
}

}  // namespace medusa::datasets

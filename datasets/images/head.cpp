#include "datasets/images/head.h"

#include <array>
#include <filesystem>
#include <fstream>

namespace medusa::datasets {
namespace {

std::optional<ImageHead> png_head(std::ifstream& file) {
  std::array<unsigned char, 26> head{};
  file.read(reinterpret_cast<char*>(head.data()), head.size());
  if (file.gcount() != static_cast<std::streamsize>(head.size())) return std::nullopt;
  const unsigned depth = head[24], colour = head[25];  // colour: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA
  return ImageHead{(colour & 2) != 0, depth == 16 ? 16 : 8};
}

// Walks over the segments, each with its length, to the one that describes the frame.
std::optional<ImageHead> jpeg_head(std::ifstream& file) {
  file.seekg(2);
  constexpr int kMostSegments = 10000;
  for (int s = 0; s < kMostSegments; ++s) {
    int byte = file.get();
    if (byte != 0xFF) return std::nullopt;
    while (byte == 0xFF) byte = file.get();  // fill bytes
    const int marker = byte, high = file.get(), low = file.get();
    if (!file || marker == 0xD9 || marker == 0xDA) return std::nullopt;
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
      file.seekg(5, std::ios::cur);  // precision, height, width
      const int components = file.get();
      return file ? std::optional(ImageHead{components > 1, 8}) : std::nullopt;
    }
    const int length = high * 256 + low;
    if (length < 2) return std::nullopt;
    file.seekg(length - 2, std::ios::cur);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ImageHead> read_image_head(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;  // opening a pipe would wait
  std::ifstream file(path, std::ios::binary);
  const int first = file.get(), second = file.get();
  if (!file) return std::nullopt;
  file.seekg(0);
  if (first == 0x89 && second == 'P') return png_head(file);
  if (first == 0xFF && second == 0xD8) return jpeg_head(file);
  return std::nullopt;
}

}  // namespace medusa::datasets

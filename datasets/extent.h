// Extent: the size of a picture, height x width, or of a volume, depth x height x width; in pixels or voxels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medusa::datasets {

struct Extent {
  static constexpr std::int64_t kMostSide = 16384;
  std::int64_t depth = 0, height = 0, width = 0;  // depth 0: of a picture; all 0: no size is given

  constexpr Extent() = default;
  constexpr Extent(std::int64_t h, std::int64_t w) : height(h), width(w) {}
  constexpr Extent(std::int64_t d, std::int64_t h, std::int64_t w) : depth(d), height(h), width(w) {}
  // "[DEPTHx]HEIGHTxWIDTH".  Throws InputError that begins with "<what> <text>: " unless it is two or three whole
  // numbers from 1 to kMostSide; `what` names the option or entry.
  static Extent parse(const std::string& text, const std::string& what);

  bool empty() const { return *this == Extent(); }
  int spatial_dims() const { return depth > 0 ? 3 : 2; }
  std::int64_t voxels() const { return (depth > 0 ? depth : 1) * height * width; }
  // [depth,] height, width; empty if no size is given.
  std::vector<std::int64_t> sides() const;
  // Whether every side is a multiple of m.
  bool multiple_of(std::int64_t m) const { return depth % m == 0 && height % m == 0 && width % m == 0; }
  // What parse() reads; "" if no size is given.
  std::string text() const;
  bool operator==(const Extent&) const = default;
};

}  // namespace medusa::datasets

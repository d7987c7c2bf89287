// What a picture's first bytes say of it, without decoding it.
#pragma once

#include <optional>
#include <string>

namespace medusa::datasets {

struct ImageHead {
  bool colour = false;  // more than one grey value a pixel; a palette counts as colour
  int bits = 8;         // of each value once decoded: 8 or 16
};

// nullopt: the file is neither a PNG nor a JPEG, is damaged before it says so, or cannot be read.
std::optional<ImageHead> read_image_head(const std::string& path);

}  // namespace medusa::datasets

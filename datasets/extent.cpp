#include "datasets/extent.h"

#include <algorithm>
#include <charconv>

#include "tensor/check.h"

namespace medusa::datasets {

Extent Extent::parse(const std::string& text, const std::string& what) {
  std::vector<std::int64_t> sides;
  bool good = true;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('x', begin), text.size());
    std::int64_t side = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, side);
    good = good && error == std::errc{} && stop == text.data() + end && side >= 1 && side <= kMostSide;
    sides.push_back(side);
    begin = end + 1;
  }
  MEDUSA_CHECK_INPUT(good && (sides.size() == 2 || sides.size() == 3),
                     "{} {}: expected HEIGHTxWIDTH, two whole numbers from 1 to {}, such as 96x128 (of volumes "
                     "DEPTHxHEIGHTxWIDTH)",
                     what, text, kMostSide);
  return sides.size() == 2 ? Extent{sides[0], sides[1]} : Extent{sides[0], sides[1], sides[2]};
}

std::vector<std::int64_t> Extent::sides() const {
  if (empty()) return {};
  return depth > 0 ? std::vector{depth, height, width} : std::vector{height, width};
}

std::string Extent::text() const { return fmt::format("{}", fmt::join(sides(), "x")); }

}  // namespace medusa::datasets

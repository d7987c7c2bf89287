// Resampling with a triangle filter, in the fixed-point arithmetic of Pillow's ImagingResample, so that networks see
// the very bits that Python code made with Pillow sees.
#include <algorithm>
#include <cmath>

#include "datasets/images/image.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr int kBits = 22;  // of the weights' fraction: 8 bits of value + 22 + sign and carry fit into 32

// For each output position the first source position, how many contribute, and their weights (sum about 2^22).
struct Filter {
  std::vector<std::int64_t> first, count;
  std::vector<std::int32_t> weight;  // [out, most]
  std::size_t most = 0;
};

// Output i covers the source around centre (i + 0.5) in / out; when shrinking, the triangle is as wide as one
// output pixel, so that every source pixel contributes.
Filter make_filter(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out), width = std::max(scale, 1.0);
  Filter f;
  f.most = static_cast<std::size_t>(std::ceil(width)) * 2 + 1;
  f.weight.assign(f.most * static_cast<std::size_t>(out), 0);
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - width + 0.5), 0);
    const std::int64_t last = std::min<std::int64_t>(static_cast<std::int64_t>(centre + width + 0.5), in);
    std::vector<double> w;
    double sum = 0;
    for (std::int64_t x = first; x < last; ++x) {
      w.push_back(std::max(0.0, 1.0 - std::abs((static_cast<double>(x) - centre + 0.5) / width)));
      sum += w.back();
    }
    for (std::size_t k = 0; k < w.size(); ++k)
      f.weight[static_cast<std::size_t>(i) * f.most + k] = static_cast<std::int32_t>(w[k] / sum * (1 << kBits) + 0.5);
    f.first.push_back(first);
    f.count.push_back(last - first);
  }
  return f;
}

// Along the middle axis of x [outer, in, inner].
std::vector<std::uint8_t> apply(const std::vector<std::uint8_t>& x, std::int64_t outer, std::int64_t in,
                                std::int64_t inner, std::int64_t out) {
  const Filter f = make_filter(in, out);
  std::vector<std::uint8_t> y(static_cast<std::size_t>(outer * out * inner));
  std::vector<std::int32_t> sum(static_cast<std::size_t>(inner));
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < out; ++i) {
      std::fill(sum.begin(), sum.end(), 1 << (kBits - 1));
      const std::int64_t first = f.first[static_cast<std::size_t>(i)];
      for (std::int64_t k = 0; k < f.count[static_cast<std::size_t>(i)]; ++k) {
        const std::int32_t w = f.weight[static_cast<std::size_t>(i) * f.most + static_cast<std::size_t>(k)];
        const std::uint8_t* from = &x[static_cast<std::size_t>((o * in + first + k) * inner)];
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += w * from[c];
      }
      std::uint8_t* to = &y[static_cast<std::size_t>((o * out + i) * inner)];
      for (std::size_t c = 0; c < sum.size(); ++c)
        to[c] = static_cast<std::uint8_t>(std::clamp(sum[c] >> kBits, 0, 255));
    }
  return y;
}

}  // namespace

Image resize(const Image& image, std::int64_t width, std::int64_t height) {
  MEDUSA_CHECK(image.width > 0 && image.height > 0 && image.channels > 0, "resize: empty picture");
  MEDUSA_CHECK(width > 0 && height > 0 && width <= kMaxPixels / height, "resize: invalid size {}x{}", width, height);
  Image y(0, 0, 0);
  y.width = width;
  y.height = height;
  y.channels = image.channels;
  y.pixels =
      image.width == width ? image.pixels : apply(image.pixels, image.height, image.width, image.channels, width);
  if (image.height != height) y.pixels = apply(y.pixels, 1, image.height, width * image.channels, height);
  return y;
}

}  // namespace medusa::datasets

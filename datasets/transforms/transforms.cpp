#include "datasets/transforms/transforms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "datasets/transforms/elastic.h"
#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

constexpr double kPi = 3.141592653589793;

// The random choices for one picture.  All numbers are always drawn, so that switching one change on leaves the others
// the same.
struct Choice {
  bool mirror, flip;
  double angle, zoom, shift_x, shift_y, brightness, contrast, saturation, hue, gamma, noise;
  std::uint64_t noise_seed, noise_stream;
  Elastic elastic;

  Choice(const AugmentOptions& o, Random random)
      : mirror(random.chance(o.horizontal_flip)),
        flip(random.chance(o.vertical_flip)),
        angle(random.uniform(-1, 1) * o.rotation * kPi / 180),
        zoom(1 + random.uniform(-1, 1) * o.scale),
        shift_x(random.uniform(-1, 1) * o.translation),
        shift_y(random.uniform(-1, 1) * o.translation),
        brightness(1 + random.uniform(-1, 1) * o.brightness),
        contrast(1 + random.uniform(-1, 1) * o.contrast),
        saturation(1 + random.uniform(-1, 1) * o.saturation),
        hue(random.uniform(-1, 1) * o.hue),
        gamma(std::exp(random.uniform(-1, 1) * std::log1p(o.gamma))),
        noise(o.noise),
        noise_seed(random.next64()),
        noise_stream(random.next64()) {}

  bool warps() const { return angle != 0 || zoom != 1 || shift_x != 0 || shift_y != 0 || elastic.moves(); }
  bool colours() const { return brightness != 1 || contrast != 1 || saturation != 1 || hue != 0; }
};

void mirror(Image& image) {
  for (std::int64_t y = 0; y < image.height; ++y)
    for (std::int64_t a = 0, b = image.width - 1; a < b; ++a, --b)
      std::swap_ranges(image.at(a, y), image.at(a, y) + image.channels, image.at(b, y));
}

void flip(Image& image) {
  for (std::int64_t a = 0, b = image.height - 1; a < b; ++a, --b)
    std::swap_ranges(image.at(0, a), image.at(0, a) + image.width * image.channels, image.at(0, b));
}

// Outside the picture lies its mirror image: no black corners, and a mask that agrees with what is seen there.
double reflect(double u, double size) {
  u = std::abs(std::fmod(u, 2 * size));
  return u <= size ? u : 2 * size - u;
}

void sample_bilinear(const Image& from, double u, double v, std::uint8_t* to) {
  const double x = std::clamp(u - 0.5, 0.0, static_cast<double>(from.width - 1));
  const double y = std::clamp(v - 0.5, 0.0, static_cast<double>(from.height - 1));
  const std::int64_t x0 = static_cast<std::int64_t>(x), y0 = static_cast<std::int64_t>(y);
  const std::int64_t x1 = std::min(x0 + 1, from.width - 1), y1 = std::min(y0 + 1, from.height - 1);
  const double fx = x - static_cast<double>(x0), fy = y - static_cast<double>(y0);
  const std::uint8_t *p00 = from.at(x0, y0), *p01 = from.at(x1, y0), *p10 = from.at(x0, y1), *p11 = from.at(x1, y1);
  for (std::int64_t c = 0; c < from.channels; ++c) {
    const double top = p00[c] + fx * (p01[c] - p00[c]), bottom = p10[c] + fx * (p11[c] - p10[c]);
    to[c] = static_cast<std::uint8_t>(top + fy * (bottom - top) + 0.5);
  }
}

// Output pixel q shows the source at  p = R(-angle) (q + elastic(q) - centre - shift) / zoom + centre.
void warp(Picture& picture, const Choice& k) {
  const Picture from = picture;
  const double w = static_cast<double>(from.image.width), h = static_cast<double>(from.image.height);
  const double cosine = std::cos(k.angle) / k.zoom, sine = std::sin(k.angle) / k.zoom;
  std::vector<Vec3> moved(static_cast<std::size_t>(from.image.width), Vec3{});  // depth, height, width
  for (std::int64_t y = 0; y < from.image.height; ++y) {
    if (k.elastic.moves()) k.elastic.row(0, y, &moved);
    for (std::int64_t x = 0; x < from.image.width; ++x) {
      const Vec3& by = moved[static_cast<std::size_t>(x)];
      const double qx = static_cast<double>(x) + 0.5 - w / 2 - k.shift_x * w + by[2];
      const double qy = static_cast<double>(y) + 0.5 - h / 2 - k.shift_y * h + by[1];
      const double u = reflect(cosine * qx + sine * qy + w / 2, w), v = reflect(-sine * qx + cosine * qy + h / 2, h);
      sample_bilinear(from.image, u, v, picture.image.at(x, y));
      if (from.mask.channels > 0)
        *picture.mask.at(x, y) = *from.mask.at(std::min(static_cast<std::int64_t>(u), from.mask.width - 1),
                                               std::min(static_cast<std::int64_t>(v), from.mask.height - 1));
    }
  }
}

double luma(const double* rgb) { return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]; }

// Turns the colour by `turn` of the circle of hues, keeping largest and smallest channel (HSV).
void turn_hue(double* rgb, double turn) {
  const double high = std::max({rgb[0], rgb[1], rgb[2]}), low = std::min({rgb[0], rgb[1], rgb[2]}), span = high - low;
  if (span <= 0) return;
  double hue = rgb[0] == high   ? (rgb[1] - rgb[2]) / span
               : rgb[1] == high ? 2 + (rgb[2] - rgb[0]) / span
                                : 4 + (rgb[0] - rgb[1]) / span;
  hue += 6 * turn;
  for (int c = 0; c < 3; ++c) {  // each channel is a trapezoid over the circle; the three are a third apart
    double at = std::fmod(hue - 2 * c + 12, 6.0);
    if (at > 3) at = 6 - at;
    rgb[c] = low + span * std::clamp(2 - at, 0.0, 1.0);
  }
}

void jitter(Image& image, const Choice& k) {
  const std::size_t n = static_cast<std::size_t>(image.width * image.height);
  double mean = 0;  // of the grey picture after the change of brightness
  for (std::size_t i = 0; i < n; ++i) {
    double rgb[3];
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = std::min(255.0, k.brightness * image.pixels[3 * i + c]);
    mean += luma(rgb);
  }
  mean /= static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    double rgb[3];
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[c] = std::min(255.0, k.brightness * image.pixels[3 * i + c]);
      rgb[c] = std::clamp(mean + k.contrast * (rgb[c] - mean), 0.0, 255.0);
    }
    const double grey = luma(rgb);
    for (double& c : rgb) c = std::clamp(grey + k.saturation * (c - grey), 0.0, 255.0);
    if (k.hue != 0) turn_hue(rgb, k.hue);
    for (std::size_t c = 0; c < 3; ++c) image.pixels[3 * i + c] = static_cast<std::uint8_t>(rgb[c] + 0.5);
  }
}

// Each value, 0 to 255, to the power gamma, and noise.
void change_intensities(Image& image, const Choice& k) {
  std::array<double, 256> power;
  for (std::size_t v = 0; v < 256; ++v) power[v] = 255 * std::pow(static_cast<double>(v) / 255, k.gamma);
  Random random(k.noise_seed, k.noise_stream);
  for (std::uint8_t& v : image.pixels) {
    const double value = power[v] + (k.noise > 0 ? 255 * k.noise * random.normal() : 0);
    v = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5);
  }
}

}  // namespace

AugmentOptions AugmentOptions::none() {
  AugmentOptions o;
  o.horizontal_flip = o.vertical_flip = 0;
  return o;
}

AugmentOptions AugmentOptions::rich() {
  AugmentOptions o;
  o.rotation = 180;
  o.scale = 0.2;
  o.translation = 0.1;
  o.brightness = o.contrast = o.saturation = 0.2;
  o.hue = 0.03;
  return o;
}

void AugmentOptions::declare(Options& o) {
  o.add("flip-horizontal", horizontal_flip, "probability of a left-right flip").range(0, 1);
  o.add("flip-vertical", vertical_flip, "probability of an up-down flip; of pictures, volumes have none").range(0, 1);
  o.add("rotation", rotation, "random rotation, up to so many degrees either way").range(0, 180);
  o.add("scale", scale, "random zoom by a factor in 1 - x to 1 + x").range(0, 0.9);
  o.add("translation", translation, "random shift, up to this part of the side").range(0, 1);
  o.add("brightness", brightness, "ham10000: random brightness factor in 1 - x to 1 + x").range(0, 1);
  o.add("contrast", contrast, "ham10000: random contrast factor in 1 - x to 1 + x").range(0, 1);
  o.add("saturation", saturation, "ham10000: random saturation factor in 1 - x to 1 + x").range(0, 1);
  o.add("elastic", elastic, "random smooth deformation, up to this part of the side; at most 0.1")
      .range(0, Elastic::kMost);
  o.add("noise", noise,
        "standard deviation of noise: of ham10000's pictures a part of black to white, else in the input's units")
      .range(0, 10);
  o.add("gamma-range", gamma, "random power of the intensities, in 1 / (1 + x) to 1 + x").range(0, 10);
  o.add("hue", hue, "ham10000: random hue shift, up to this part of the colour circle").range(0, 0.5);
}

void check(const AugmentOptions& a) { check_options(a, "augment: "); }

void check(const Normalisation& n) {
  for (std::size_t c = 0; c < 3; ++c)
    MEDUSA_CHECK_INPUT(n.std[c] > 0 && std::isfinite(n.std[c]) && std::isfinite(n.mean[c]),
                       "normalisation: channel {} has mean {} and std {}", c, n.mean[c], n.std[c]);
}

Picture augment(const Picture& picture, const AugmentOptions& options, std::uint64_t seed, std::int64_t epoch,
                std::int64_t index) {
  MEDUSA_CHECK(picture.image.channels == 3, "augment: needs an RGB image, got {} channels", picture.image.channels);
  MEDUSA_CHECK(picture.mask.channels == 0 || (picture.mask.channels == 1 && picture.mask.width == picture.image.width &&
                                              picture.mask.height == picture.image.height),
               "augment: image {}x{}, mask {}x{}", picture.image.width, picture.image.height, picture.mask.width,
               picture.mask.height);
  Choice choice(options, Random(seed, stream_of(fmt::format("augment {} {}", epoch, index))));
  choice.elastic = Elastic(options.elastic, {1, picture.image.height, picture.image.width}, seed,
                           stream_of(fmt::format("elastic {} {}", epoch, index)));
  Picture out = picture;
  if (choice.mirror) {
    mirror(out.image);
    mirror(out.mask);
  }
  if (choice.flip) {
    flip(out.image);
    flip(out.mask);
  }
  if (choice.warps()) warp(out, choice);
  if (choice.colours()) jitter(out.image, choice);
  if (choice.gamma != 1 || choice.noise != 0) change_intensities(out.image, choice);
  return out;
}

Tensor to_input(const Image& rgb, const Normalisation& normalisation) {
  MEDUSA_CHECK(rgb.channels == 3, "to_input: needs an RGB image, got {} channels", rgb.channels);
  real table[3][256];  // 768 divisions instead of one per value
  for (std::size_t c = 0; c < 3; ++c)
    for (int v = 0; v < 256; ++v)
      table[c][v] = static_cast<real>((v / 255.0 - normalisation.mean[c]) / normalisation.std[c]);
  Tensor t = Tensor::empty({rgb.height, rgb.width, 3});
  real* to = t.mutable_data();
  for (std::size_t i = 0; i < rgb.pixels.size(); i += 3)
    for (std::size_t c = 0; c < 3; ++c) to[i + c] = table[c][rgb.pixels[i + c]];
  return t;
}

Tensor to_mask(const Image& grey) {
  MEDUSA_CHECK(grey.channels == 1, "to_mask: needs a grey image, got {} channels", grey.channels);
  Tensor t = Tensor::empty({grey.height, grey.width, 1});
  real* to = t.mutable_data();
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) to[i] = grey.pixels[i] >= 128 ? real(1) : real(0);
  return t;
}

}  // namespace medusa::datasets

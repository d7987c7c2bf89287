// How a phantom lesion is drawn: skin, then the lesion through a soft edge, then hairs, then light.  Lengths are in
// halves of the picture's short side, so that every size shows the same picture.
#include "datasets/phantoms/phantom.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "datasets/layouts/ham10000.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

constexpr double kTurn = 6.283185307179586;

struct Color {
  double r = 0, g = 0, b = 0;
};
Color mix(const Color& a, const Color& b, double t) {
  return {a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b)};
}
Color scaled(const Color& a, double f) { return {a.r * f, a.g * f, a.b * f}; }
double smoothstep(double low, double high, double x) {
  const double t = std::clamp((x - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

// A random value in [0, 1) for each point of a grid (the finaliser of splitmix64).
double grid_value(std::int64_t x, std::int64_t y, std::uint64_t seed) {
  std::uint64_t h = seed ^ (static_cast<std::uint64_t>(x) * 0x9E3779B97F4A7C15ull) ^
                    (static_cast<std::uint64_t>(y) * 0xC2B2AE3D27D4EB4Full);
  h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9ull;
  h = (h ^ h >> 27) * 0x94D049BB133111EBull;
  return static_cast<double>((h ^ h >> 31) >> 11) * 0x1.0p-53;
}

// Smooth noise in [0, 1): grid values, blended between.
double noise(double x, double y, std::uint64_t seed) {
  const double fx = std::floor(x), fy = std::floor(y);
  const std::int64_t ix = static_cast<std::int64_t>(fx), iy = static_cast<std::int64_t>(fy);
  const double tx = smoothstep(0, 1, x - fx), ty = smoothstep(0, 1, y - fy);
  const double top = std::lerp(grid_value(ix, iy, seed), grid_value(ix + 1, iy, seed), tx);
  const double bottom = std::lerp(grid_value(ix, iy + 1, seed), grid_value(ix + 1, iy + 1, seed), tx);
  return std::lerp(top, bottom, ty);
}
double cloud(double x, double y, std::uint64_t seed) {  // three octaves, in [0, 1)
  return (4 * noise(x, y, seed) + 2 * noise(2 * x, 2 * y, seed + 1) + noise(4 * x, 4 * y, seed + 2)) / 7;
}

// Distance to the nearest of a jittered grid of points, in grid cells: dots, globules, lacunae.
double nearest_dot(double x, double y, std::uint64_t seed) {
  const std::int64_t ix = static_cast<std::int64_t>(std::floor(x)), iy = static_cast<std::int64_t>(std::floor(y));
  double best = 4;
  for (std::int64_t j = iy - 1; j <= iy + 1; ++j)
    for (std::int64_t i = ix - 1; i <= ix + 1; ++i) {
      const double dx = static_cast<double>(i) + grid_value(i, j, seed) - x;
      const double dy = static_cast<double>(j) + grid_value(i, j, seed + 7) - y;
      best = std::min(best, dx * dx + dy * dy);
    }
  return std::sqrt(best);
}

// What a class looks like: two colours, softness of the border, raggedness of the outline, elongation, size.
struct Look {
  Color main, second;
  double soft, ragged, stretch, least, most;
};
// In the order of Ham10000::classes().
constexpr Look kLooks[] = {
    {{200, 108, 98}, {235, 205, 190}, 0.40, 0.16, 0.35, 0.40, 0.75},  // akiec: red, scaly, blurred
    {{222, 160, 158}, {96, 98, 128}, 0.16, 0.08, 0.25, 0.30, 0.65},   // bcc: pearly, blue-grey nests, vessels
    {{150, 108, 66}, {78, 52, 34}, 0.05, 0.10, 0.30, 0.30, 0.70},     // bkl: waxy brown, sharp edge, pale dots
    {{158, 100, 84}, {238, 208, 200}, 0.30, 0.04, 0.10, 0.25, 0.45},  // df: pale centre in a brown ring
    {{88, 48, 36}, {34, 26, 34}, 0.08, 0.15, 0.40, 0.35, 0.65},       // mel: ragged, lopsided, many colours
    {{146, 90, 62}, {96, 54, 38}, 0.18, 0.05, 0.25, 0.25, 0.60},      // nv: regular, brown, net-like
    {{188, 36, 66}, {96, 14, 48}, 0.05, 0.05, 0.15, 0.20, 0.45},      // vasc: red, round, lacunae
};

enum Label { Akiec, Bcc, Bkl, Df, Mel, Nv, Vasc };

// PhantomSetting::Shared: the outline says nothing about the class, so that only the inside tells.
constexpr Look kShared = {{}, {}, 0.08, 0.08, 0.25, 0.26, 0.42};
constexpr std::int64_t kSharedLabels[] = {Bcc, Mel, Nv, Vasc};
constexpr Color kRim = {52, 32, 28};
constexpr int kDecoys = 12;

// All that pictures of one lesion have in common.
struct Lesion {
  std::int64_t label;
  Look look;
  std::uint64_t texture;
  double radius, stretch, wave[8], phase[8], tilt, reach = 1;  // reach: no outline goes farther, in radii

  Lesion(std::int64_t which, std::uint64_t seed, PhantomSetting setting) : label(which), look(kLooks[which]) {
    if (setting == PhantomSetting::Shared) {
      look = kShared;
      look.main = kLooks[which].main;
      look.second = kLooks[which].second;
    }
    Random random(seed, stream_of("lesion"));
    texture = random.next64();
    radius = random.uniform(look.least, look.most);
    stretch = 1 + look.stretch * random.uniform();
    tilt = random.uniform(0, kTurn);
    for (int k = 0; k < 8; ++k) {
      wave[k] = look.ragged * random.normal() / (1 + 0.4 * k);
      phase[k] = random.uniform(0, kTurn);
      reach += std::abs(wave[k]);
    }
    const double tone = random.uniform(0.85, 1.12), warmth = random.uniform(-0.06, 0.06);
    for (Color* c : {&look.main, &look.second})
      *c = {c->r * tone * (1 + warmth), c->g * tone, c->b * tone * (1 - warmth)};
  }

  // How far out (x, y), in radii, is: 1 on the outline.
  double depth(double x, double y) const {
    const double along = x * stretch, r = std::hypot(along, y), angle = std::atan2(y, along);
    double outline = 1;
    for (int k = 0; k < 8; ++k) outline += wave[k] * std::cos((k + 2) * angle + phase[k]);
    return r / std::max(outline, 0.35);
  }

  // The colour at (x, y), in radii.
  Color color(double x, double y, double d) const {
    const double mottle = cloud(3 * x, 3 * y, texture), fine = cloud(11 * x, 11 * y, texture + 20);
    const Color plain = scaled(look.main, 0.82 + 0.36 * mottle);
    switch (label) {
      case Akiec: return mix(plain, look.second, 0.9 * smoothstep(0.58, 0.72, fine));
      case Bcc: {
        const double nest = nearest_dot(2.2 * x, 2.2 * y, texture + 1);
        const double vessel = std::abs(noise(3 * x, 3 * y, texture + 2) - 0.5);
        const Color nested = mix(plain, look.second, 0.85 * (1 - smoothstep(0.15, 0.38, nest)));
        return mix(nested, {185, 50, 55}, 0.7 * (1 - smoothstep(0.0, 0.035, vessel)));
      }
      case Bkl: {
        const double plug = nearest_dot(4 * x, 4 * y, texture + 1),
                     groove = std::abs(noise(5 * x, 5 * y, texture + 2) - 0.5);
        const Color grooved = mix(plain, look.second, 0.8 * (1 - smoothstep(0.02, 0.12, groove)));
        return mix(grooved, {236, 214, 170}, 0.85 * (1 - smoothstep(0.12, 0.22, plug)));
      }
      case Df: return mix(look.second, plain, smoothstep(0.3, 0.75, d + 0.15 * (fine - 0.5)));
      case Mel: {
        const Color dark = mix(plain, look.second, smoothstep(0.40, 0.62, cloud(2 * x, 2 * y, texture + 3)));
        const Color veil =
            mix(dark, {112, 122, 152}, 0.75 * smoothstep(0.54, 0.70, cloud(1.7 * x, 1.7 * y, texture + 6)));
        return mix(veil, {170, 60, 50}, 0.7 * smoothstep(0.60, 0.74, cloud(2.3 * x, 2.3 * y, texture + 9)));
      }
      case Nv: {
        const double net = std::min(std::abs(std::sin(9 * x + 2 * mottle)), std::abs(std::sin(9 * y + 2 * fine)));
        return mix(mix(plain, look.second, 0.55 * (1 - smoothstep(0.05, 0.45, net))), look.second, 0.5 * (1 - d));
      }
      default: return mix(look.second, plain, smoothstep(0.30, 0.55, 1 - nearest_dot(4.5 * x, 4.5 * y, texture + 1)));
    }
  }
};

// All that belongs to one picture: where the lesion lies in it, the skin, the light.
struct View {
  std::uint64_t texture;
  double x, y, zoom, cosine, sine, light, tint, shade_x, shade_y, rim;
  Color skin;
  int hairs;

  View(std::uint64_t seed, double tilt, PhantomSetting setting) {
    Random random(seed, stream_of("view"));
    texture = random.next64();
    x = random.uniform(-0.2, 0.2);
    y = random.uniform(-0.15, 0.15);
    zoom = random.uniform(0.8, 1.2);
    const double angle = tilt + random.uniform(0, kTurn);
    cosine = std::cos(angle);
    sine = std::sin(angle);
    skin = mix({226, 178, 152}, {222, 168, 178}, random.uniform());  // tan to pink
    light = random.uniform(0.85, 1.08);
    tint = random.uniform(-0.05, 0.05);
    shade_x = random.uniform(-0.08, 0.08);
    shade_y = random.uniform(-0.08, 0.08);
    rim = random.chance(0.3) ? random.uniform(1.15, 1.45) : 9;  // radius of the dermatoscope's round field of view
    hairs = random.chance(0.35) ? 2 + static_cast<int>(random.below(9)) : 0;
    if (setting == PhantomSetting::Shared) {
      x = random.uniform(-0.6, 0.6);
      y = random.uniform(-0.4, 0.4);
      rim = 9;
    }
  }

  Color background(double u, double v) const {
    const double blotch = cloud(2.5 * u + 50, 2.5 * v + 50, texture),
                 grain = cloud(30 * u + 500, 30 * v + 500, texture + 4);
    const double freckle = nearest_dot(3 * u + 90, 3 * v + 90, texture + 8);
    const Color base = scaled(mix(skin, {206, 132, 124}, 0.4 * smoothstep(0.35, 0.75, blotch)), 0.94 + 0.12 * grain);
    return mix(base, {176, 120, 88}, 0.35 * (1 - smoothstep(0.03, 0.10, freckle)));
  }

  Color lit(const Color& c, double u, double v) const {
    const double rim_dark = 1 - 0.85 * smoothstep(rim, rim + 0.06, std::hypot(u, v)) - 0.10 * (u * u + v * v) / 2;
    const double f = light * (1 + shade_x * u + shade_y * v) * rim_dark;
    return {c.r * f * (1 + tint), c.g * f, c.b * f * (1 - tint)};
  }
};

// A patch that looks like the inside of a lesion of some class, without its dark rim.
struct Decoy {
  Lesion lesion;
  double x, y, size;

  Decoy(std::uint64_t seed, Random random)
      : lesion(kSharedLabels[random.below(4)], seed, PhantomSetting::Shared),
        x(random.uniform(-1.2, 1.2)),
        y(random.uniform(-0.9, 0.9)),
        size(random.uniform(0.24, 0.42)) {}

  Color over(const Color& skin, double u, double v) const {
    const double along = (u - x) / size, across = (v - y) / size, d = lesion.depth(along, across);
    return d > 1.3 ? skin : mix(skin, lesion.color(along, across, d), 0.9 * (1 - smoothstep(0.85, 1.1, d)));
  }
};

std::vector<Decoy> decoys_of(std::uint64_t view_seed, PhantomSetting setting) {
  std::vector<Decoy> decoys;
  for (std::uint64_t k = 0; setting == PhantomSetting::Shared && k < kDecoys; ++k)
    decoys.emplace_back(view_seed + 1000 + k, Random(view_seed, stream_of("decoy") + k));
  return decoys;
}

// A dark curve from one border towards another; thickness in pixels follows the size of the picture.
void draw_hairs(Image& image, const View& view, Random random) {
  const double w = static_cast<double>(image.width), h = static_cast<double>(image.height), unit = std::min(w, h);
  const double direction = random.uniform(0, kTurn);
  for (int k = 0; k < view.hairs; ++k) {
    const double angle = direction + random.uniform(-0.5, 0.5), bend = random.uniform(-1.5, 1.5),
                 length = random.uniform(0.5, 1.3) * unit;
    const double thick = std::max(0.6, unit * random.uniform(0.003, 0.006)), strength = random.uniform(0.5, 0.9);
    double x = random.uniform() * w, y = random.uniform() * h;
    for (double s = 0; s < length; s += 0.5 * thick) {
      const double a = angle + bend * s / length;
      x += 0.5 * thick * std::cos(a);
      y += 0.5 * thick * std::sin(a);
      const std::int64_t r = static_cast<std::int64_t>(std::ceil(thick));
      for (std::int64_t j = static_cast<std::int64_t>(y) - r; j <= static_cast<std::int64_t>(y) + r; ++j)
        for (std::int64_t i = static_cast<std::int64_t>(x) - r; i <= static_cast<std::int64_t>(x) + r; ++i) {
          if (i < 0 || j < 0 || i >= image.width || j >= image.height) continue;
          const double away = std::hypot(static_cast<double>(i) + 0.5 - x, static_cast<double>(j) + 0.5 - y) / thick;
          const double ink = strength * (1 - smoothstep(0.5, 1.0, away)) * 0.6;
          std::uint8_t* p = image.at(i, j);
          for (int c = 0; c < 3; ++c) p[c] = static_cast<std::uint8_t>(p[c] + ink * (40 - 10 * c - p[c]) * (p[c] > 40));
        }
    }
  }
}

std::uint8_t byte(double v) { return static_cast<std::uint8_t>(std::clamp(v, 0.0, 255.0) + 0.5); }

}  // namespace

PhantomSetting phantom_setting(const std::string& name) {
  if (name == "plain") return PhantomSetting::Plain;
  if (name == "shared") return PhantomSetting::Shared;
  fail_input("phantom: setting '{}' is unknown, expected plain or shared", name);
}

Picture draw_lesion(std::int64_t label, std::uint64_t lesion_seed, std::uint64_t view_seed, std::int64_t height,
                    std::int64_t width, PhantomSetting setting) {
  MEDUSA_CHECK(label >= 0 && label < static_cast<std::int64_t>(std::size(kLooks)), "phantom: class {} of {}", label,
               std::size(kLooks));
  MEDUSA_CHECK(height > 0 && width > 0, "phantom: size {}x{}", height, width);
  const Lesion lesion(label, lesion_seed, setting);
  const View view(view_seed, lesion.tilt, setting);
  const std::vector<Decoy> decoys = decoys_of(view_seed, setting);
  Picture picture{Image(width, height, 3), Image(width, height, 1)};
  const double half = static_cast<double>(std::min(height, width)) / 2;
  for (std::int64_t j = 0; j < height; ++j)
    for (std::int64_t i = 0; i < width; ++i) {
      const double u = (static_cast<double>(i) + 0.5 - static_cast<double>(width) / 2) / half;
      const double v = (static_cast<double>(j) + 0.5 - static_cast<double>(height) / 2) / half;
      const double size = lesion.radius * view.zoom, du = (u - view.x) / size, dv = (v - view.y) / size;
      const double x = view.cosine * du + view.sine * dv, y = -view.sine * du + view.cosine * dv;
      Color c = view.background(u, v);
      for (const Decoy& decoy : decoys) c = decoy.over(c, u, v);
      const double soft = lesion.look.soft, edge = 1 + soft;  // beyond depth `edge` there is skin alone
      const double d = std::hypot(x, y) > edge * lesion.reach ? 9 : lesion.depth(x, y);
      if (d < edge) {
        const double fray = 0.3 * soft * (cloud(9 * x, 9 * y, lesion.texture + 30) - 0.5);
        Color inside = lesion.color(x, y, d);
        if (setting == PhantomSetting::Shared) inside = mix(inside, kRim, smoothstep(0.76, 0.84, d));
        c = mix(c, inside, 0.95 * (1 - smoothstep(1 - soft, 1 + 0.7 * soft, d + fray)));
      }
      c = view.lit(c, u, v);
      std::uint8_t* p = picture.image.at(i, j);
      p[0] = byte(c.r);
      p[1] = byte(c.g);
      p[2] = byte(c.b);
      *picture.mask.at(i, j) = d < 1 ? 255 : 0;
    }
  draw_hairs(picture.image, view, Random(view_seed, stream_of("hairs")));
  return picture;
}

}  // namespace medusa::datasets

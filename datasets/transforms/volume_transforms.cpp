#include "datasets/transforms/volume_transforms.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

constexpr double kPi = 3.141592653589793;

Mat3 operator*(const Mat3& a, const Mat3& b) {
  Mat3 c{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}

// About axis `axis`.
Mat3 rotation(std::size_t axis, double angle) {
  Mat3 r{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  const std::size_t a = (axis + 1) % 3, b = (axis + 2) % 3;
  r[a][a] = r[b][b] = std::cos(angle);
  r[a][b] = -std::sin(angle);
  r[b][a] = std::sin(angle);
  return r;
}

std::array<std::int64_t, 3> sides(const Extent& g) { return {g.depth, g.height, g.width}; }

void check_size(std::size_t size, const Extent& grid) {
  MEDUSA_CHECK(static_cast<std::int64_t>(size) == grid.voxels(), "warp: {} values, the grid is {} x {} x {}", size,
               grid.depth, grid.height, grid.width);
}

// The source of every output voxel, row by row: body(output index, depth, height, width).
template <class Body>
void for_each_source(const Extent& grid, const VolumeChange& change, const Body& body) {
  std::size_t out = 0;
  const Mat3& m = change.m;
  std::vector<Vec3> moved;  // depth, height, width
  for (std::int64_t z = 0; z < grid.depth; ++z)
    for (std::int64_t y = 0; y < grid.height; ++y) {
      Vec3 row;
      for (std::size_t r = 0; r < 3; ++r)
        row[r] = m[r][0] * static_cast<double>(z) + m[r][1] * static_cast<double>(y) + change.shift[r];
      if (change.elastic.moves()) change.elastic.row(z, y, &moved);
      for (std::int64_t x = 0; x < grid.width; ++x) {
        const double w = static_cast<double>(x);
        Vec3 at{row[0] + m[0][2] * w, row[1] + m[1][2] * w, row[2] + m[2][2] * w};
        if (!moved.empty()) {
          const Vec3& by = moved[static_cast<std::size_t>(x)];
          for (std::size_t r = 0; r < 3; ++r) at[r] += m[r][0] * by[0] + m[r][1] * by[1] + m[r][2] * by[2];
        }
        body(out++, at[0], at[1], at[2]);
      }
    }
}

}  // namespace

void check_volume_augment(const AugmentOptions& o) {
  check(o);
  MEDUSA_CHECK_INPUT(
      o.brightness == 0 && o.contrast == 0 && o.saturation == 0 && o.hue == 0,
      "augment: brightness, contrast, saturation and hue are for pictures; volumes have noise and gamma");
}

VolumeChange draw_change(const AugmentOptions& o, const Extent& grid, const Vec3& spacing, int left_right,
                         std::uint64_t seed, std::int64_t epoch, std::int64_t index) {
  Random random(seed, stream_of(fmt::format("augment {} {}", epoch, index)));
  VolumeChange c;
  c.mirror = random.chance(o.horizontal_flip);
  Mat3 turn{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  bool affine = false;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double angle = random.uniform(-1, 1) * o.rotation * kPi / 180;
    affine = affine || angle != 0;
    turn = turn * rotation(axis, angle);
  }
  const double zoom = 1 + random.uniform(-1, 1) * o.scale;
  Vec3 shift{};
  for (double& s : shift) s = random.uniform(-1, 1) * o.translation;
  c.gamma = std::exp(random.uniform(-1, 1) * std::log1p(o.gamma));
  c.noise = o.noise;
  c.noise_seed = random.next64();
  c.noise_stream = random.next64();
  c.elastic = Elastic(o.elastic, sides(grid), seed, stream_of(fmt::format("elastic {} {}", epoch, index)));
  c.warps = c.elastic.moves() || c.mirror || affine || zoom != 1 || shift[0] != 0 || shift[1] != 0 || shift[2] != 0;

  // Source = centre + S^-1 R S flip (q - centre - shift) / zoom, S: voxels to mm.
  const auto side = sides(grid);
  Vec3 centre, moved;
  for (std::size_t a = 0; a < 3; ++a) {
    centre[a] = static_cast<double>(side[a] - 1) / 2;
    moved[a] = centre[a] + shift[a] * static_cast<double>(side[a]);
  }
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t k = 0; k < 3; ++k)
      c.m[r][k] =
          turn[r][k] * spacing[k] / spacing[r] / zoom * (c.mirror && static_cast<int>(k) == left_right ? -1 : 1);
  for (std::size_t r = 0; r < 3; ++r)
    c.shift[r] = centre[r] - (c.m[r][0] * moved[0] + c.m[r][1] * moved[1] + c.m[r][2] * moved[2]);
  return c;
}

std::vector<real> warp_linear(const std::vector<real>& values, const Extent& grid, const VolumeChange& change,
                              real outside) {
  check_size(values.size(), grid);
  if (!change.warps) return values;
  std::vector<real> out(values.size());
  const auto side = sides(grid);
  for_each_source(grid, change, [&](std::size_t to, double z, double y, double x) {
    const double at[3] = {z, y, x};
    std::int64_t low[3];
    double part[3];
    for (int a = 0; a < 3; ++a) {
      const double floor = std::floor(at[a]);
      if (!(floor >= -1 && floor < static_cast<double>(side[static_cast<std::size_t>(a)]))) {
        out[to] = outside;
        return;
      }
      low[a] = static_cast<std::int64_t>(floor);
      part[a] = at[a] - floor;
    }
    double sum = 0;
    for (int corner = 0; corner < 8; ++corner) {
      const std::int64_t k = low[0] + (corner >> 2), j = low[1] + (corner >> 1 & 1), i = low[2] + (corner & 1);
      const double weight = (corner & 4 ? part[0] : 1 - part[0]) * (corner & 2 ? part[1] : 1 - part[1]) *
                            (corner & 1 ? part[2] : 1 - part[2]);
      if (weight == 0) continue;
      const bool inside = k >= 0 && k < side[0] && j >= 0 && j < side[1] && i >= 0 && i < side[2];
      const real v = inside ? values[static_cast<std::size_t>((k * side[1] + j) * side[2] + i)] : outside;
      sum += weight * static_cast<double>(v);
    }
    out[to] = static_cast<real>(sum);
  });
  return out;
}

std::vector<std::uint16_t> warp_nearest(const std::vector<std::uint16_t>& labels, const Extent& grid,
                                        const VolumeChange& change) {
  check_size(labels.size(), grid);
  if (!change.warps) return labels;
  std::vector<std::uint16_t> out(labels.size());
  const auto side = sides(grid);
  for_each_source(grid, change, [&](std::size_t to, double z, double y, double x) {
    const double at[3] = {z, y, x};
    std::int64_t flat = 0;
    for (std::size_t a = 0; a < 3; ++a) {
      const double nearest = std::floor(at[a] + 0.5);
      if (!(nearest >= 0 && nearest < static_cast<double>(side[a]))) return;
      flat = flat * side[a] + static_cast<std::int64_t>(nearest);
    }
    out[to] = labels[static_cast<std::size_t>(flat)];
  });
  return out;
}

void change_intensities(std::vector<real>& values, const VolumeChange& change, real low, real high) {
  MEDUSA_CHECK(high > low, "change_intensities: range {} to {}", low, high);
  if (change.gamma != 1) {
    const double span = static_cast<double>(high - low);
    for (real& v : values) {
      const double part = std::clamp(static_cast<double>(v - low) / span, 0.0, 1.0);
      v = static_cast<real>(static_cast<double>(low) + span * std::pow(part, change.gamma));
    }
  }
  if (change.noise == 0) return;
  Random random(change.noise_seed, change.noise_stream);
  for (real& v : values) v += static_cast<real>(change.noise * random.normal());
}

}  // namespace medusa::datasets

// What augmentation does to a case on the network's grid.
#include <algorithm>
#include <cmath>

#include "datasets/cases/case_dataset.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

constexpr double kPi = 3.141592653589793;

// The change of a picture: mirrors, a rotation in its plane, zoom, shift and deformation.
VolumeChange draw_flat_change(const AugmentOptions& o, const Extent& grid, std::uint64_t seed, std::int64_t epoch,
                              std::int64_t index) {
  Random random(seed, stream_of(fmt::format("augment {} {}", epoch, index)));
  VolumeChange c;
  c.mirror = random.chance(o.horizontal_flip);
  const bool flip = random.chance(o.vertical_flip);
  const double angle = random.uniform(-1, 1) * o.rotation * kPi / 180, zoom = 1 + random.uniform(-1, 1) * o.scale;
  const double shift_y = random.uniform(-1, 1) * o.translation, shift_x = random.uniform(-1, 1) * o.translation;
  c.gamma = std::exp(random.uniform(-1, 1) * std::log1p(o.gamma));
  c.noise = o.noise;
  c.noise_seed = random.next64();
  c.noise_stream = random.next64();
  c.elastic = Elastic(o.elastic, {grid.depth, grid.height, grid.width}, seed,
                      stream_of(fmt::format("elastic {} {}", epoch, index)));
  c.warps = c.elastic.moves() || c.mirror || flip || angle != 0 || zoom != 1 || shift_y != 0 || shift_x != 0;
  // Source = centre + R flip (q + elastic(q) - centre - shift) / zoom.
  const double cosine = std::cos(angle) / zoom, sine = std::sin(angle) / zoom, my = flip ? -1 : 1,
               mx = c.mirror ? -1 : 1;
  c.m = {{{1, 0, 0}, {0, cosine * my, -sine * mx}, {0, sine * my, cosine * mx}}};
  const double cy = static_cast<double>(grid.height - 1) / 2, cx = static_cast<double>(grid.width - 1) / 2;
  const double qy = cy + shift_y * static_cast<double>(grid.height),
               qx = cx + shift_x * static_cast<double>(grid.width);
  c.shift = {0, cy - (c.m[1][1] * qy + c.m[1][2] * qx), cx - (c.m[2][1] * qy + c.m[2][2] * qx)};
  return c;
}

}  // namespace

VolumeChange draw_case_change(const AugmentOptions& options, const Case& c, bool picture, std::uint64_t seed,
                              std::int64_t epoch, std::int64_t index) {
  return picture ? draw_flat_change(options, c.grid, seed, epoch, index)
                 : draw_change(options, c.grid, c.spacing, kLeftRight, seed, epoch, index);
}

Case augment(const CasePlan& plan, const Case& original, const VolumeChange& change) {
  Case c = original;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    std::vector<real>& plane = c.inputs[i];
    const auto [low, high] = std::minmax_element(plane.begin(), plane.end());
    const real least = *low, most = *high;
    plane = warp_linear(plane, c.grid, change, least);
    VolumeChange own = change;
    own.noise_stream += i;  // not the same noise in every channel
    if (most > least) change_intensities(plane, own, least, most);
  }
  for (std::size_t t = 0; t < c.labels.size(); ++t) {
    Case::Label& label = c.labels[t];
    for (auto& map : label.maps) map = warp_nearest(map, c.grid, change);
    for (auto& plane : label.values) plane = warp_linear(plane, c.grid, change, 0);
    if (!label.mask.empty()) label.mask = warp_nearest(label.mask, c.grid, change);
    if (!change.mirror) continue;
    for (const auto& [a, b] : plan.targets[t].mirrored) {
      if (!label.outlined.empty()) {
        std::swap(label.maps[a], label.maps[b]);
        std::vector<bool>::swap(label.outlined[a], label.outlined[b]);
      } else if (!label.maps.empty()) {
        for (std::uint16_t& k : label.maps[0]) k = static_cast<std::uint16_t>(k == a ? b : k == b ? a : k);
      }
    }
  }
  return c;
}

}  // namespace medusa::datasets

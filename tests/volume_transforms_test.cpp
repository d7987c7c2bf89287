#include "datasets/transforms/volume_transforms.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/data_fixture.h"

using namespace medusa;
using namespace medusa::datasets;

namespace {

constexpr Extent kGrid{4, 6, 5};

std::vector<real> numbered(const Extent& grid) {
  std::vector<real> v;
  for (std::int64_t i = 0; i < grid.voxels(); ++i) v.push_back(static_cast<real>(i));
  return v;
}

AugmentOptions always_mirror() {
  AugmentOptions o = AugmentOptions::none();
  o.horizontal_flip = 1;
  return o;
}

}  // namespace

TEST_CASE("volume transforms: mirroring twice gives the volume back, and moves one axis alone") {
  const std::vector<real> v = numbered(kGrid);
  for (int axis = 0; axis < 3; ++axis) {
    const VolumeChange c = draw_change(always_mirror(), kGrid, {1, 2, 3}, axis, 1, 2, 3);
    CHECK(c.mirror);
    const std::vector<real> once = warp_linear(v, kGrid, c, -1);
    CHECK(once != v);
    CHECK(warp_linear(once, kGrid, c, -1) == v);
    const std::int64_t side[3] = {kGrid.depth, kGrid.height, kGrid.width};
    for (std::int64_t z = 0; z < kGrid.depth; ++z)
      for (std::int64_t y = 0; y < kGrid.height; ++y)
        for (std::int64_t x = 0; x < kGrid.width; ++x) {
          std::int64_t at[3] = {z, y, x};
          at[axis] = side[axis] - 1 - at[axis];
          const auto from = static_cast<std::size_t>((at[0] * kGrid.height + at[1]) * kGrid.width + at[2]);
          REQUIRE(once[static_cast<std::size_t>((z * kGrid.height + y) * kGrid.width + x)] == v[from]);
        }
  }
}

TEST_CASE("volume transforms: a quarter turn by hand") {
  VolumeChange c;
  c.warps = true;
  c.m = {{{1, 0, 0}, {0, 0, -1}, {0, 1, 0}}};  // source (z, -x, y) + shift
  const Extent grid{1, 3, 3};
  c.shift = {0, 2, 0};
  const std::vector<real> turned = warp_linear(numbered(grid), grid, c, 0);
  CHECK(turned == std::vector<real>{6, 3, 0, 7, 4, 1, 8, 5, 2});
  const std::vector<std::uint16_t> labels = warp_nearest({0, 1, 2, 3, 4, 5, 6, 7, 8}, grid, c);
  CHECK(labels == std::vector<std::uint16_t>{6, 3, 0, 7, 4, 1, 8, 5, 2});
}

TEST_CASE("volume transforms: half a voxel blends, the outside comes in") {
  VolumeChange c;
  c.warps = true;
  c.shift = {0, 0, 0.5};
  const Extent grid{1, 1, 3};
  CHECK(warp_linear({2, 4, 8}, grid, c, 100) == std::vector<real>{3, 6, 54});
  c.shift = {0, 0, 7};
  CHECK(warp_linear({2, 4, 8}, grid, c, 100) == std::vector<real>{100, 100, 100});
  CHECK(warp_nearest({2, 4, 8}, grid, c) == std::vector<std::uint16_t>{0, 0, 0});
}

TEST_CASE("volume transforms: labels are never mixed") {
  AugmentOptions o = AugmentOptions::none();
  o.rotation = 20;
  o.scale = 0.2;
  o.translation = 0.1;
  const std::vector<std::uint16_t> labels{0, 9};
  std::vector<std::uint16_t> volume;
  const Extent grid{8, 8, 8};
  for (std::int64_t i = 0; i < grid.voxels(); ++i) volume.push_back(labels[static_cast<std::size_t>(i / 7 % 2)]);
  for (int epoch = 0; epoch < 5; ++epoch)
    for (std::uint16_t v : warp_nearest(volume, grid, draw_change(o, grid, {1, 1, 1}, 1, 0, epoch, 0)))
      REQUIRE((v == 0 || v == 9));
}

TEST_CASE("volume transforms: a turned patient keeps his shape in mm") {
  AugmentOptions o = AugmentOptions::none();
  o.rotation = 30;
  const Vec3 spacing{1, 2, 5};
  const VolumeChange c = draw_change(o, kGrid, spacing, 1, 4, 5, 6);
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 3; ++b) {  // columns of S m S^-1 are orthonormal
      double dot = 0;
      for (std::size_t r = 0; r < 3; ++r)
        dot += spacing[r] * c.m[r][a] / spacing[a] * spacing[r] * c.m[r][b] / spacing[b];
      CHECK(dot == doctest::Approx(a == b ? 1 : 0).epsilon(1e-12));
    }
}

TEST_CASE("volume transforms: a function of seed, epoch and index") {
  AugmentOptions o = AugmentOptions::none();
  o.rotation = 10;
  o.noise = 0.1;
  o.gamma = 0.5;
  const std::vector<real> v = numbered(kGrid);
  const auto changed = [&](std::uint64_t seed, std::int64_t epoch, std::int64_t index) {
    const VolumeChange c = draw_change(o, kGrid, {1, 1, 1}, 1, seed, epoch, index);
    std::vector<real> w = warp_linear(v, kGrid, c, 0);
    change_intensities(w, c, 0, 200);
    return w;
  };
  CHECK(changed(1, 2, 3) == changed(1, 2, 3));
  CHECK(changed(1, 2, 3) != changed(2, 2, 3));
  CHECK(changed(1, 2, 3) != changed(1, 3, 3));
  CHECK(changed(1, 2, 3) != changed(1, 2, 4));
}

TEST_CASE("volume transforms: gamma keeps the ends, noise has the deviation asked for") {
  VolumeChange c;
  c.gamma = 2;
  std::vector<real> v{-1, 0, 1, 5};
  change_intensities(v, c, -1, 1);
  CHECK(v == std::vector<real>{-1, -0.5, 1, 1});
  c.gamma = 1;
  c.noise = 0.5;
  c.noise_seed = 3;
  std::vector<real> noise(20000);
  change_intensities(noise, c, -1, 1);
  double sum = 0, squares = 0;
  for (real n : noise) sum += static_cast<double>(n), squares += static_cast<double>(n * n);
  CHECK(sum / 20000 == doctest::Approx(0).scale(1).epsilon(0.02));
  CHECK(std::sqrt(squares / 20000) == doctest::Approx(0.5).epsilon(0.03));
}

TEST_CASE("volume transforms: what only pictures have is refused") {
  AugmentOptions o;
  o.hue = 0.1;
  CHECK(test::input_error([&] { check_volume_augment(o); }) ==
        "augment: brightness, contrast, saturation and hue are for pictures; volumes have noise and gamma");
}

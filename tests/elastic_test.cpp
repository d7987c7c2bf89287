// Elastic deformation: no further than asked, smooth, nothing folded over, the same for image and labels.
#include "datasets/transforms/elastic.h"

#include <algorithm>
#include <cmath>

#include "datasets/transforms/volume_transforms.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;

std::vector<Vec3> field(const Elastic& e, const std::array<std::int64_t, 3>& sides) {
  std::vector<Vec3> all, row;
  for (std::int64_t z = 0; z < sides[0]; ++z)
    for (std::int64_t y = 0; y < sides[1]; ++y) {
      e.row(z, y, &row);
      all.insert(all.end(), row.begin(), row.end());
    }
  return all;
}

// The deformation's determinant between neighbours; 1 where nothing is deformed, below 0 where space is turned over.
double least_determinant(const std::vector<Vec3>& u, const std::array<std::int64_t, 3>& n) {
  double least = 1e9;
  const std::int64_t step[3] = {n[1] * n[2], n[2], 1};
  for (std::int64_t z = 0; z + 1 < n[0]; ++z)
    for (std::int64_t y = 0; y + 1 < n[1]; ++y)
      for (std::int64_t x = 0; x + 1 < n[2]; ++x) {
        const std::int64_t i = z * step[0] + y * step[1] + x;
        Mat3 j{};
        for (std::size_t a = 0; a < 3; ++a)
          for (std::size_t b = 0; b < 3; ++b)
            j[b][a] = (a == b) + u[static_cast<std::size_t>(i + step[a])][b] - u[static_cast<std::size_t>(i)][b];
        least = std::min(least, Affine::from({1, 1, 1}, j, {}).determinant());
      }
  return least;
}

TEST_CASE("elastic: moves no further than asked, folds nothing, repeats by seed and stream") {
  const std::array<std::int64_t, 3> sides{20, 32, 24};
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Elastic e(Elastic::kMost, sides, seed, 5);
    const std::vector<Vec3> u = field(e, sides);
    double most = 0;
    for (const Vec3& by : u)
      for (std::size_t a = 0; a < 3; ++a) {
        REQUIRE(std::abs(by[a]) <= 0.1 * static_cast<double>(sides[a]));
        most = std::max(most, std::abs(by[a]) / static_cast<double>(sides[a]));
      }
    CHECK(most > 0.02);
    CHECK(least_determinant(u, sides) > 0);
    CHECK(field(Elastic(Elastic::kMost, sides, seed, 5), sides) == u);
    CHECK(field(Elastic(Elastic::kMost, sides, seed, 6), sides) != u);
  }
  CHECK_FALSE(Elastic(0, sides, 1, 2).moves());
  const std::array<std::int64_t, 3> flat{1, 8, 8};
  for (const Vec3& by : field(Elastic(0.1, flat, 1, 2), flat)) CHECK(by[0] == 0);
}

// Between lattice points a cubic B-spline of equal values is that value, of a straight line that line.
TEST_CASE("elastic: the splines' shares add up to 1") {
  AugmentOptions o = AugmentOptions::none();
  o.elastic = 0.1;
  const Extent grid{24, 24, 24};
  const VolumeChange c = draw_change(o, grid, {1, 1, 1}, 2, 1, 2, 3);
  REQUIRE(c.warps);
  // A ramp shows where each voxel came from: value = place.
  std::vector<real> ramp;
  for (std::int64_t i = 0; i < grid.voxels(); ++i) ramp.push_back(static_cast<real>(i % 24));
  const std::vector<real> out = warp_linear(ramp, grid, c, 0);
  const std::vector<Vec3> u = field(c.elastic, {24, 24, 24});
  for (std::int64_t z = 4; z < 20; ++z)
    for (std::int64_t y = 4; y < 20; ++y)
      for (std::int64_t x = 4; x < 20; ++x) {
        const auto i = static_cast<std::size_t>((z * 24 + y) * 24 + x);
        REQUIRE(static_cast<double>(out[i]) == doctest::Approx(static_cast<double>(x) + u[i][2]).epsilon(1e-5));
      }
  // Labels go the same way, to the nearest voxel.
  std::vector<std::uint16_t> labels;
  for (real v : ramp) labels.push_back(static_cast<std::uint16_t>(v));
  const std::vector<std::uint16_t> moved = warp_nearest(labels, grid, c);
  for (std::int64_t z = 4; z < 20; ++z)
    for (std::int64_t y = 4; y < 20; ++y)
      for (std::int64_t x = 4; x < 20; ++x) {
        const auto i = static_cast<std::size_t>((z * 24 + y) * 24 + x);
        REQUIRE(moved[i] == static_cast<std::uint16_t>(std::floor(static_cast<double>(x) + u[i][2] + 0.5)));
      }
}

TEST_CASE("elastic: of pictures, for image and mask alike; gamma and noise leave the mask alone") {
  Picture p{Image(64, 48, 3), Image(64, 48, 1)};
  for (std::int64_t y = 0; y < 48; ++y)
    for (std::int64_t x = 0; x < 64; ++x) {
      const bool in = (x - 30) * (x - 30) + (y - 22) * (y - 22) < 150;
      *p.mask.at(x, y) = in ? 255 : 0;
      for (int c = 0; c < 3; ++c) p.image.at(x, y)[c] = in ? 200 : 50;
    }
  AugmentOptions o = AugmentOptions::none();
  o.elastic = 0.1;
  const Picture e = augment(p, o, 1, 2, 3);
  CHECK(e.image.pixels != p.image.pixels);
  int apart = 0;
  for (std::int64_t y = 0; y < 48; ++y)
    for (std::int64_t x = 0; x < 64; ++x) {
      CHECK((*e.mask.at(x, y) == 0 || *e.mask.at(x, y) == 255));
      apart += (e.image.at(x, y)[0] > 125) != (*e.mask.at(x, y) == 255);
    }
  CHECK(apart < 10);
  o = AugmentOptions::none();
  o.gamma = 1;
  const Picture g = augment(p, o, 1, 2, 3);
  CHECK(g.mask.pixels == p.mask.pixels);
  const double power = std::log(static_cast<double>(*g.image.at(0, 0)) / 255) / std::log(50.0 / 255);
  CHECK(power != doctest::Approx(1).epsilon(0.01));
  CHECK(power > 0.49);
  CHECK(power < 2.01);
  CHECK(static_cast<double>(*g.image.at(30, 22)) == doctest::Approx(255 * std::pow(200.0 / 255, power)).epsilon(0.02));
  o = AugmentOptions::none();
  o.noise = 0.05;
  const Picture n = augment(p, o, 1, 2, 3);
  CHECK(n.mask.pixels == p.mask.pixels);
  double squares = 0, count = 0;
  for (std::size_t i = 0; i < n.image.pixels.size(); ++i, ++count)
    squares += std::pow(static_cast<double>(n.image.pixels[i]) - static_cast<double>(p.image.pixels[i]), 2);
  CHECK(std::sqrt(squares / count) == doctest::Approx(0.05 * 255).epsilon(0.05));
  o.elastic = 0.2;
  CHECK(contains(input_error([&] { check(o); }), "elastic 0.2: expected 0 to 0.1"));
}

}  // namespace
}  // namespace medusa::datasets

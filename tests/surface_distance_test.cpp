// Surface distances: exact against the search over all pairs, on random images of every shape and spacing; by hand;
// empty ones.
#include "mtl/training/surface_distance.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/random.h"

using namespace medusa;
using namespace medusa::mtl;

namespace {

std::vector<double> place(const BinaryImage& image, std::size_t i) {
  std::vector<double> at(image.shape.size());
  auto rest = static_cast<std::int64_t>(i);
  for (std::size_t k = image.shape.size(); k-- > 0; rest /= image.shape[k])
    at[k] = static_cast<double>(rest % image.shape[k]) * image.spacing[k];
  return at;
}

double nearest(const BinaryImage& image, std::size_t i) {
  double best = std::numeric_limits<double>::infinity();
  const std::vector<double> here = place(image, i);
  for (std::size_t j = 0; j < image.voxels.size(); ++j) {
    if (!image.voxels[j]) continue;
    const std::vector<double> there = place(image, j);
    double sum = 0;
    for (std::size_t k = 0; k < here.size(); ++k) sum += (here[k] - there[k]) * (here[k] - there[k]);
    best = std::min(best, sum);
  }
  return best;
}

BinaryImage random_image(std::vector<std::int64_t> shape, std::vector<double> spacing, double density, Random* random) {
  BinaryImage image{{}, std::move(shape), std::move(spacing)};
  std::int64_t count = 1;
  for (std::int64_t side : image.shape) count *= side;
  for (std::int64_t i = 0; i < count; ++i) image.voxels.push_back(random->uniform() < density);
  return image;
}

}  // namespace

TEST_CASE("surface distances: the distance transform equals the search over all pairs") {
  Random random(3);
  const std::vector<std::vector<std::int64_t>> shapes{{1},     {17},      {1, 9},    {8, 1},
                                                      {7, 11}, {1, 1, 1}, {5, 6, 7}, {3, 1, 9}};
  for (const auto& shape : shapes)
    for (double density : {0.0, 0.02, 0.3, 1.0}) {
      std::vector<double> spacing;
      for (std::size_t k = 0; k < shape.size(); ++k) spacing.push_back(0.3 + 3 * random.uniform());
      const BinaryImage image = random_image(shape, spacing, density, &random);
      const std::vector<double> d = squared_distances(image);
      for (std::size_t i = 0; i < d.size(); ++i) {
        const double expected = nearest(image, i);
        CHECK((d[i] == expected || std::fabs(d[i] - expected) <= 1e-9 * (1 + expected)));
      }
    }
}

TEST_CASE("surface distances: two cubes side by side, by hand") {
  BinaryImage a{std::vector<std::uint8_t>(10 * 10, 0), {10, 10}, {2, 1}}, b = a;
  for (int y = 2; y < 6; ++y)
    for (int x = 2; x < 5; ++x) {
      a.voxels[static_cast<std::size_t>(y * 10 + x)] = 1;
      b.voxels[static_cast<std::size_t>(y * 10 + x + 3)] = 1;  // 3 to the right
    }
  const std::vector<std::uint8_t> surface = surface_of(a);
  CHECK(std::count(surface.begin(), surface.end(), 1) == 10);  // 12 pixels, of which 2 lie inside
  // Both have 4 rows of columns 2, 3, 4 or 5, 6, 7.  To b: column 4 is 1 away, column 2 3 away, column 3 (top and
  // bottom alone) 2 away.  The other direction is the mirror image.
  const SurfaceDistances d = surface_distances(a, b, 1);
  CHECK(d.hd95 == doctest::Approx(3));
  CHECK(d.assd == doctest::Approx((4 * 1 + 2 * 2 + 4 * 3) / 10.0));
  CHECK(d.nsd == doctest::Approx(0.4));
  const SurfaceDistances same = surface_distances(a, a, 0);
  CHECK(same.hd95 == 0);
  CHECK(same.assd == 0);
  CHECK(same.nsd == 1);
}

TEST_CASE("surface distances: random masks against all pairs, and in both orders") {
  Random random(5);
  for (int round = 0; round < 20; ++round) {
    const BinaryImage a = random_image({6, 7, 5}, {2.5, 0.7, 1}, 0.2, &random);
    const BinaryImage b = random_image({6, 7, 5}, {2.5, 0.7, 1}, 0.1, &random);
    BinaryImage sa = a, sb = b;
    sa.voxels = surface_of(a);
    sb.voxels = surface_of(b);
    std::vector<double> forth, back;
    for (std::size_t i = 0; i < a.voxels.size(); ++i) {
      if (sa.voxels[i]) forth.push_back(std::sqrt(nearest(sb, i)));
      if (sb.voxels[i]) back.push_back(std::sqrt(nearest(sa, i)));
    }
    double sum = 0, near = 0;
    for (const auto* part : {&forth, &back})
      for (double x : *part) sum += x, near += x <= 1;
    const double count = static_cast<double>(forth.size() + back.size());
    const SurfaceDistances d = surface_distances(a, b, 1), turned = surface_distances(b, a, 1);
    CHECK(d.assd == doctest::Approx(sum / count).epsilon(1e-9));
    CHECK(d.nsd == doctest::Approx(near / count).epsilon(1e-9));
    CHECK(d.hd95 == turned.hd95);
    CHECK(d.hd95 <=
          std::max(*std::max_element(forth.begin(), forth.end()), *std::max_element(back.begin(), back.end())));
  }
}

TEST_CASE("surface distances: empty images are alike; if one is empty, it is as bad as can be") {
  BinaryImage none{std::vector<std::uint8_t>(12, 0), {3, 4}, {1, 2}}, one = none;
  one.voxels[5] = 1;
  const SurfaceDistances both = surface_distances(none, none, 1);
  CHECK(both.hd95 == 0);
  CHECK(both.nsd == 1);
  for (const SurfaceDistances& d : {surface_distances(none, one, 1), surface_distances(one, none, 1)}) {
    CHECK(d.hd95 == doctest::Approx(std::sqrt(9 + 64)));
    CHECK(d.assd == d.hd95);
    CHECK(d.nsd == 0);
  }
}

#include "datasets/transforms/elastic.h"

#include <cmath>

#include "tensor/check.h"
#include "tensor/random.h"

namespace medusa::datasets {

Elastic::Elastic(double reach, const std::array<std::int64_t, 3>& sides, std::uint64_t seed, std::uint64_t stream) {
  MEDUSA_CHECK(reach >= 0 && reach <= kMost, "elastic: reach is {}, expected 0 to {}", reach, kMost);
  if (reach == 0) return;
  Random random(seed, stream);
  lattice_.resize(static_cast<std::size_t>(kPoints * kPoints * kPoints));
  for (Vec3& point : lattice_)
    for (std::size_t a = 0; a < 3; ++a) {
      const double part = random.uniform(-1, 1);
      point[a] = sides[a] > 1 ? part * reach * static_cast<double>(sides[a]) : 0;
    }
  for (std::size_t a = 0; a < 3; ++a)
    for (std::int64_t i = 0; i < sides[a]; ++i) {
      const double at = (static_cast<double>(i) + 0.5) / static_cast<double>(sides[a]) * static_cast<double>(kCells);
      const double cell = std::floor(at), t = at - cell, rest = 1 - t;
      Place place{static_cast<std::int64_t>(cell), {}};
      place.share = {rest * rest * rest / 6, (3 * t * t * t - 6 * t * t + 4) / 6,
                     (-3 * t * t * t + 3 * t * t + 3 * t + 1) / 6, t * t * t / 6};
      places_[a].push_back(place);
    }
}

void Elastic::row(std::int64_t z, std::int64_t y, std::vector<Vec3>* shifts) const {
  const Place& pz = places_[0][static_cast<std::size_t>(z)];
  const Place& py = places_[1][static_cast<std::size_t>(y)];
  std::array<Vec3, kPoints> line{};  // the lattice at (z, y)
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t j = 0; j < 4; ++j) {
      const double share = pz.share[k] * py.share[j];
      const std::int64_t from =
          ((pz.first + static_cast<std::int64_t>(k)) * kPoints + py.first + static_cast<std::int64_t>(j)) * kPoints;
      for (std::size_t i = 0; i < line.size(); ++i)
        for (std::size_t a = 0; a < 3; ++a) line[i][a] += share * lattice_[static_cast<std::size_t>(from) + i][a];
    }
  shifts->assign(places_[2].size(), Vec3{});
  for (std::size_t x = 0; x < places_[2].size(); ++x) {
    const Place& px = places_[2][x];
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t a = 0; a < 3; ++a)
        (*shifts)[x][a] += px.share[i] * line[static_cast<std::size_t>(px.first) + i][a];
  }
}

}  // namespace medusa::datasets

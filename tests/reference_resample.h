// Specification of resampling: every new voxel looks at every old one.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>

#include "datasets/volumes/resample.h"

namespace medusa::reference {

// Weight of old voxel x, along one axis of n, for a new voxel at place `at` (in old voxels) of a grid of `step`.
inline double triangle(std::int64_t x, std::int64_t n, double at, double step) {
  const double width = std::max(1.0, step), place = std::clamp(at, 0.0, static_cast<double>(n - 1));
  return std::max(0.0, 1 - std::abs(static_cast<double>(x) - place) / width);
}

// Calls body(value, weight) for all old voxels, for the new one whose centre is `mm`.  Weights do not sum to 1.
template <class Body>
void weigh(const datasets::Volume& v, const datasets::Vec3& mm, const datasets::Vec3& spacing, std::int64_t channel,
           const Body& body) {
  const datasets::Vec3 at = datasets::inverse(v.affine).apply(mm), old = v.spacing();
  for (std::int64_t k = 0; k < v.depth(); ++k)
    for (std::int64_t j = 0; j < v.height(); ++j)
      for (std::int64_t i = 0; i < v.width(); ++i) {
        const double w = triangle(i, v.width(), at[0], spacing[0] / old[0]) *
                         triangle(j, v.height(), at[1], spacing[1] / old[1]) *
                         triangle(k, v.depth(), at[2], spacing[2] / old[2]);
        if (w > 0) body(static_cast<double>(v.at(i, j, k, channel)), w);
      }
}

inline double resampled(const datasets::Volume& v, const datasets::Vec3& mm, const datasets::Vec3& spacing,
                        std::int64_t channel) {
  double sum = 0, weights = 0;
  weigh(v, mm, spacing, channel, [&](double value, double w) {
    sum += w * value;
    weights += w;
  });
  return sum / weights;
}

// The shares of all labels.
inline std::map<double, double> shares(const datasets::Volume& v, const datasets::Vec3& mm,
                                       const datasets::Vec3& spacing, std::int64_t channel) {
  std::map<double, double> share;
  double weights = 0;
  weigh(v, mm, spacing, channel, [&](double value, double w) {
    share[value] += w;
    weights += w;
  });
  for (auto& [label, sum] : share) sum /= weights;
  return share;
}

}  // namespace medusa::reference

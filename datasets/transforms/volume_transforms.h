// Augmentation of volumes: mirror, rotate, zoom, shift in millimetres; deform; noise and gamma.  A pure function of
// (seed, epoch, index), like that of pictures in transforms/transforms.h.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/extent.h"
#include "datasets/transforms/elastic.h"
#include "datasets/transforms/transforms.h"
#include "datasets/volumes/affine.h"
#include "tensor/tensor.h"

namespace medusa::datasets {

// The random choices for one volume.
struct VolumeChange {
  bool mirror =
      false;  // along the axis that runs from left to right: structures that have a left and a right change name
  bool warps = false;
  // Output voxel q (depth, height, width) shows the source at  m (q + elastic(q)) + shift.  Mirroring is in m.
  Mat3 m{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Vec3 shift{0, 0, 0};
  Elastic elastic;
  double noise = 0, gamma = 1;
  std::uint64_t noise_seed = 0, noise_stream = 0;
};

// Draws from `options`: horizontal_flip mirrors axis `left_right` (0, 1, 2), rotation turns about each of the three
// axes, scale, translation (part of the side), elastic, noise and gamma.  `spacing`: mm along depth, height, width, so
// that a rotated patient keeps their shape.  Throws InputError for what only pictures can have (brightness, contrast,
// saturation, hue).
VolumeChange draw_change(const AugmentOptions& options, const Extent& grid, const Vec3& spacing, int left_right,
                         std::uint64_t seed, std::int64_t epoch, std::int64_t index);
void check_volume_augment(const AugmentOptions& options);

// One channel of values, blended between the eight neighbours; outside lies `outside`.
std::vector<real> warp_linear(const std::vector<real>& values, const Extent& grid, const VolumeChange& change,
                              real outside);
// Labels, from the nearest voxel: nothing is mixed.  Outside lies 0.
std::vector<std::uint16_t> warp_nearest(const std::vector<std::uint16_t>& labels, const Extent& grid,
                                        const VolumeChange& change);

// values in [low, high]: (v - low) / (high - low) to the power gamma, back, and noise.
void change_intensities(std::vector<real>& values, const VolumeChange& change, real low, real high);

}  // namespace medusa::datasets

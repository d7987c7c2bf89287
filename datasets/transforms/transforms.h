// Augmentation and normalisation: from 8-bit pixels to a network's input.  The same for image and mask, and
// a pure function of (seed, epoch, index).
#pragma once

#include <array>
#include <cstdint>

#include "datasets/images/image.h"
#include "tensor/options.h"
#include "tensor/tensor.h"

namespace medusa::datasets {

// input = (value / 255 - mean) / std per channel R, G, B.  The default is ImageNet's statistics.
struct Normalisation {
  std::array<double, 3> mean = {0.485, 0.456, 0.406};
  std::array<double, 3> std = {0.229, 0.224, 0.225};
};
// Throws InputError if a std is not positive.
void check(const Normalisation& n);

// How far training pictures are changed at random.  The default is only mirroring.
struct AugmentOptions {
  double horizontal_flip = 0.5, vertical_flip = 0.5;    // probabilities
  double rotation = 0;                                  // up to this many degrees either way
  double scale = 0;                                     // zoom factor in [1 - scale, 1 + scale]
  double translation = 0;                               // shift, up to this fraction of the side, along each axis
  double brightness = 0, contrast = 0, saturation = 0;  // factors in [1 - x, 1 + x]
  double hue = 0;      // shift, up to this fraction of the colour circle (0.5: anything)
  double elastic = 0;  // smooth deformation, up to this fraction of the side (at most 0.1): see transforms/elastic.h
  double gamma = 0;    // power of the intensities, in [1 / (1 + gamma), 1 + gamma]
  // Standard deviation of the noise added to each value: for ham10000's pictures a fraction of the range from black to
  // white, else in the units of the input.
  double noise = 0;
  // Volumes are only flipped left-right (horizontal_flip) and have no colours: see transforms/volume_transforms.h.
  // Brightness, contrast, saturation and hue apply only to ham10000's pictures, the rest to all pictures.

  void declare(Options& o);
  static AugmentOptions none();  // changes nothing
  static AugmentOptions rich();  // any rotation, 20 % zoom, 10 % shift, moderate colours
};
// Throws InputError naming the option that is out of range.
void check(const AugmentOptions& a);

// An 8-bit RGB picture and a mask of 0 and 255 (or none, with channels 0) of one size.
struct Picture {
  Image image, mask;
  std::int64_t bytes() const { return static_cast<std::int64_t>(image.pixels.size() + mask.pixels.size()); }
};

// The picture of sample `index` as training sees it in `epoch`.
Picture augment(const Picture& picture, const AugmentOptions& options, std::uint64_t seed, std::int64_t epoch,
                std::int64_t index);

// [height, width, 3] from an RGB image.
Tensor to_input(const Image& rgb, const Normalisation& normalisation);
// [height, width, 1] of 0 and 1 from a grey image: 1 where it is at least 128.
Tensor to_mask(const Image& grey);

}  // namespace medusa::datasets

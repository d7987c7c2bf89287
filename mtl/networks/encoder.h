// Encoder: from an image to features at L resolutions, each half of the one before, level by level.  What there is to
// choose from is in backbone.h.
#pragma once

#include <vector>

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::mtl {

// What one level gives: [N, S / (stride 2^j), channels[j]] (see Backbone).
struct Level {
  Var u;  // without the level's last residual block: where attention modules look
  Var p;  // the last block applied to u: what is attended, or used as it is
};

// Those of all levels, outermost first.
struct Features {
  std::vector<Var> u, p;
};

class Encoder : public nn::Module {
 public:
  // x [N, S, in_channels], the sides of S multiples of `multiple`; throws Error that names the multiple.  Each level is
  // given the p of the one before.
  Features features(const Var& x);
  // One level alone, for networks that act between levels.  j = 0: x is the image, as above; else the p of level j-1,
  // or what was made of it, of the same shape.  What halves the resolution between two levels is a part of the second.
  Level level(std::size_t j, const Var& x);
  std::size_t levels() const { return levels_; }

 protected:
  Encoder(int spatial_dims, std::int64_t in_channels, std::size_t levels, std::int64_t multiple)
      : spatial_dims_(spatial_dims), in_channels_(in_channels), levels_(levels), multiple_(multiple) {}
  virtual Level compute(std::size_t j, const Var& x) = 0;

 private:
  void check_input(const Shape& x) const;

  int spatial_dims_;
  std::int64_t in_channels_;
  std::size_t levels_;
  std::int64_t multiple_;
};

}  // namespace medusa::mtl

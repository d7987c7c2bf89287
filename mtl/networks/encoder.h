// Encoder: from an image to features at L resolutions, each half of the one before, level by level.  backbone.h lists
// the encoders.
#pragma once

#include <vector>

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::mtl {

// The output of one level: [N, S / (stride 2^j), channels[j]] (see Backbone).
struct Level {
  Var u;  // before the level's last residual block: what attention modules look at
  Var p;  // the last block applied to u: what masks multiply, or plain networks use
};

// The outputs of all levels, outermost first.
struct Features {
  std::vector<Var> u, p;
};

class Encoder : public nn::Module {
 public:
  // x [N, S, in_channels], the sides of S multiples of `multiple`, else throws Error.  Each level takes the p of the
  // one before.
  Features features(const Var& x);
  // One level alone, for networks that act between levels.  j = 0: x is the image, as above; else the p of level j-1 or
  // something of the same shape.  The halving between levels j-1 and j is part of level j.
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

// Encoder: from an image to features at L resolutions, each half of the one before.  What there is to choose from is in
// backbone.h.
#pragma once

#include <vector>

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::mtl {

// What an encoder hands on, outermost level first; level j is [N, S / (stride 2^j), channels[j]] (see Backbone).
struct Features {
  std::vector<Var> u;  // the stage without its last residual block: where attention modules look
  std::vector<Var> p;  // the stage's last block applied to u: what is attended, or used as it is
};

class Encoder : public nn::Module {
 public:
  // x [N, S, in_channels], the sides of S multiples of `multiple`; throws Error that names the multiple.
  Features features(const Var& x);

 protected:
  Encoder(int spatial_dims, std::int64_t in_channels, std::size_t levels, std::int64_t multiple)
      : spatial_dims_(spatial_dims), in_channels_(in_channels), levels_(levels), multiple_(multiple) {}
  virtual Features compute(const Var& x) = 0;

 private:
  void check_input(const Shape& x) const;

  int spatial_dims_;
  std::int64_t in_channels_;
  std::size_t levels_;
  std::int64_t multiple_;
};

}  // namespace medusa::mtl

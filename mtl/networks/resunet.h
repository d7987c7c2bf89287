// The encoder `resunet`: the contracting half of a U-Net of residual blocks, with any widths; level 0 has full
// resolution.
#pragma once

#include "mtl/networks/encoder.h"
#include "nn/resblock.h"
#include "nn/sequential.h"

namespace medusa::mtl {

class ResUNet : public Encoder {
 public:
  ResUNet(int spatial_dims, std::int64_t in_channels, const std::vector<std::int64_t>& widths,
          nn::Norm norm = nn::Norm::Batch);

 private:
  // One level: u = first(x), p = last(u).
  class Stage : public nn::Module {
   public:
    Stage(int spatial_dims, std::int64_t in, std::int64_t out, nn::Norm norm)
        : first(add<nn::ResBlock>("first", spatial_dims, in, out, norm)),
          last(add<nn::ResBlock>("last", spatial_dims, out, out, norm)) {}
    nn::ResBlock& first;
    nn::ResBlock& last;
  };
  Level compute(std::size_t j, const Var& x) override;

  nn::ConvNorm& stem_;
  nn::ModuleList<Stage>& stages_;
};

}  // namespace medusa::mtl

// Decoder: from features at L resolutions back to features at full resolution, for tasks with an output per pixel.
#pragma once

#include <vector>

#include "mtl/networks/backbone.h"
#include "nn/resblock.h"
#include "nn/sequential.h"

namespace medusa::mtl {

class Decoder : public nn::Module {
 public:
  Decoder(int spatial_dims, const Backbone& backbone);
  // features: of all levels, outermost first (see Features) -> [N, S, backbone.decoder[0]].
  Var decode(const std::vector<Var>& features);
  // One step of it, for networks that act between steps: from d, the output of step i+1 or, at the last step, the
  // deepest features -> twice the resolution, backbone.decoder[i] channels.  features: as in decode().
  Var step(std::size_t i, const Var& d, const std::vector<Var>& features);
  std::size_t steps() const { return up_.size(); }  // taken from steps() - 1 down to 0

 private:
  std::size_t levels_;
  std::size_t bare_;  // the outermost steps: above level 0, without features to concatenate
  nn::ModuleList<nn::ConvTranspose>& up_;
  nn::ModuleList<nn::ResBlock>& blocks_;
};

}  // namespace medusa::mtl

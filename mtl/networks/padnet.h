// PAD-Net: pixel-level tasks exchange features between their decoders' steps  [as published: Xu, Ouyang, Wang, Sebe,
// "PAD-Net", CVPR 2018, in the form of the public code of Vandenhende et al., MTI-Net, ECCV 2020].  It is the
// counterpart of CTAN: there tasks meet in the encoder, here in the decoders.  An exchange at every step, and no losses
// of intermediate predictions, are ours.
#pragma once

#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

class PadNet : public SharedModel {
 public:
  explicit PadNet(const ModelConfig& config);
  std::vector<Var> outputs(const Var& x) override;

 private:
  // What one task takes from another at one step: sigma(Conv3x3(f)) * Conv3x3(f), without biases.
  class Message : public nn::Module {
   public:
    Message(int spatial_dims, std::int64_t channels);
    Var forward(const Var& f) override { return sigmoid(attention_(f)) * features_(f); }

   private:
    nn::Conv& attention_;
    nn::Conv& features_;
  };
  using Messages = nn::ModuleList<Message>;  // by step
  std::vector<Var> exchanged(std::size_t step, const std::vector<Var>& f) const;

  std::vector<std::size_t> pixel_tasks_;
  PerTask<nn::ModuleDict<Messages>>& messages_;  // by task, by the name of the task that is heard
};

}  // namespace medusa::mtl

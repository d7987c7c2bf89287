// TaskNet: one task's whole network, from the image to the raw output.  STL is made of these alone, cross-stitch
// networks exchange features between them.
#pragma once

#include "mtl/networks/heads.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

class TaskNet : public nn::Module {
 public:
  TaskNet(const ModelConfig& config, const Task& task);
  Var forward(const Var& x) override { return branch(encoder.features(x).p); }
  // The part behind the encoder.  features: of all levels, outermost first.
  Var branch(const std::vector<Var>& features) { return predict(decoder_, head_, features); }
  // Marks decoder and head as the task's (nn::Parameter::owner); the encoder stays as it is.
  void own_branch(int task);
  Encoder& encoder;

 private:
  Decoder* decoder_;  // image-level tasks have none
  nn::Module& head_;
};

}  // namespace medusa::mtl

// The common part of HPS, MTAN and CTAN: one encoder for all tasks, and for each task a decoder (if it is pixel-level)
// and a head.  They differ only in the features that they give to a task's branch.
#pragma once

#include "mtl/networks/heads.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

class SharedModel : public Model {
 public:
  explicit SharedModel(const ModelConfig& config);
  std::vector<Encoder*> encoders() override { return {&encoder_}; }

 protected:
  // The branches' outputs in the order of the tasks; features[t]: what task t sees, all levels, outermost first.
  std::vector<Var> branch_outputs(const std::vector<std::vector<Var>>& features);
  const Backbone backbone_;
  Encoder& encoder_;

 private:
  PerTask<Decoder>& decoders_;  // pixel-level tasks have one
  PerTask<nn::Module>& heads_;
};

// Throws InputError, naming the architecture and STL, if there is no second task to attend to.
void check_two_tasks(const ModelConfig& config);

}  // namespace medusa::mtl

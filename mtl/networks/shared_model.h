// The common parts of the networks whose tasks meet in an encoder: for each task a decoder (if it is pixel-level) and a
// head.  They differ in the features that they give to a task's branch.
#pragma once

#include "mtl/networks/heads.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

// The branches alone.
class BranchedModel : public Model {
 protected:
  explicit BranchedModel(const ModelConfig& config);
  // Adds decoders and heads; a constructor calls it once, behind its encoders.
  void add_branches();
  // The branches' outputs in the order of the tasks; features[t]: what task t sees, all levels, outermost first (an
  // image-level task reads the last alone).
  std::vector<Var> branch_outputs(const std::vector<std::vector<Var>>& features);
  Decoder* decoder(std::size_t task) const { return decoders_->find(task); }  // null: an image-level task
  nn::Module& head(std::size_t task) const { return (*heads_)[task]; }
  const Backbone backbone_;

 private:
  PerTask<Decoder>* decoders_ = nullptr;
  PerTask<nn::Module>* heads_ = nullptr;
};

// The branches, and one encoder for all tasks: HPS, MTAN, CTAN and PAD-Net.
class SharedModel : public BranchedModel {
 public:
  explicit SharedModel(const ModelConfig& config);
  std::vector<Encoder*> encoders() override { return {&encoder_}; }

 protected:
  Encoder& encoder_;
};

// Throws InputError, naming the architecture and STL, if there is no second task to share with.
void check_two_tasks(const ModelConfig& config);

}  // namespace medusa::mtl

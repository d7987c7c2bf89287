// STL, single-task learning: a separate network for every task; nothing is shared.  The baseline.
#pragma once

#include "mtl/networks/heads.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

class STL : public Model {
 public:
  explicit STL(const ModelConfig& config);
  std::vector<Var> outputs(const Var& x) override;
  std::vector<Encoder*> encoders() override;

 private:
  // One task's network.
  class Net : public nn::Module {
   public:
    Net(const ModelConfig& config, const Task& task);
    Var forward(const Var& x) override { return predict(decoder_, head_, encoder.features(x).p); }
    Encoder& encoder;

   private:
    Decoder* decoder_;  // image-level tasks have none
    nn::Module& head_;
  };

  PerTask<Net>& nets_;
};

}  // namespace medusa::mtl

// STL, single-task learning: a separate network for every task; nothing is shared.  The baseline.
#pragma once

#include "mtl/networks/task_net.h"

namespace medusa::mtl {

class STL : public Model {
 public:
  explicit STL(const ModelConfig& config);
  std::vector<Var> outputs(const Var& x) override;
  std::vector<Encoder*> encoders() override;

 private:
  PerTask<TaskNet>& nets_;
};

}  // namespace medusa::mtl

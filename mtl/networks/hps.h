// HPS, hard parameter sharing: one encoder for all tasks, a branch of its own for each.
#pragma once

#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

class HPS : public SharedModel {
 public:
  using SharedModel::SharedModel;
  std::vector<Var> outputs(const Var& x) override;
};

}  // namespace medusa::mtl

#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

SharedModel::SharedModel(const ModelConfig& config)
    : Model(config),
      backbone_(backbone_of(config)),
      encoder_(add("encoder", make_encoder(config))),
      decoders_(per_task<Decoder>("decoders")),
      heads_(per_task<nn::Module>("heads")) {
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    if (tasks()[t].traits().pixel_level) decoders_.put(t, config.spatial_dims, backbone_);
    heads_.put(t, make_head(config.spatial_dims, backbone_, tasks()[t]));
  }
}

std::vector<Var> SharedModel::branch_outputs(const std::vector<std::vector<Var>>& features) {
  std::vector<Var> y;
  for (std::size_t t = 0; t < tasks().size(); ++t) y.push_back(predict(decoders_.find(t), heads_[t], features[t]));
  return y;
}

void check_two_tasks(const ModelConfig& config) {
  MEDUSA_CHECK_INPUT(config.tasks.size() >= 2,
                     "architecture '{}' needs at least 2 tasks, got {}: there is no other task to share with; use stl "
                     "for a single task",
                     config.arch, config.tasks.size());
}

}  // namespace medusa::mtl

#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

SharedModel::SharedModel(const ModelConfig& config)
    : Model(config),
      backbone_(backbone_of(config)),
      encoder_(add("encoder", make_encoder(config))),
      decoders_(add<nn::ModuleDict<Decoder>>("decoders")),
      heads_(add<nn::ModuleDict<nn::Module>>("heads")) {
  for (const Task& task : tasks()) {
    if (pixel_level(task.kind)) decoders_.put(task.name, config.spatial_dims, backbone_);
    heads_.put(task.name, make_head(config.spatial_dims, backbone_, task));
  }
}

std::vector<Var> SharedModel::branch_outputs(const std::vector<std::vector<Var>>& features) {
  std::vector<Var> y;
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    const std::string& name = tasks()[t].name;
    y.push_back(predict(decoders_.find(name), heads_[name], features[t]));
  }
  return y;
}

void check_two_tasks(const ModelConfig& config) {
  MEDUSA_CHECK_INPUT(config.tasks.size() >= 2,
                     "architecture '{}' needs at least 2 tasks, got {}: there is no other task to share with; use stl "
                     "for a single task",
                     config.arch, config.tasks.size());
}

}  // namespace medusa::mtl

#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

BranchedModel::BranchedModel(const ModelConfig& config) : Model(config), backbone_(backbone_of(config)) {}

void BranchedModel::add_branches() {
  decoders_ = &per_task<Decoder>("decoders");
  heads_ = &per_task<nn::Module>("heads");
  const int spatial_dims = config().spatial_dims;
  for (std::size_t t = 0; t < tasks().size(); ++t) {
    if (tasks()[t].traits().pixel_level) decoders_->put(t, spatial_dims, backbone_);
    heads_->put(t, make_head(spatial_dims, backbone_, tasks()[t]));
  }
}

std::vector<Var> BranchedModel::branch_outputs(const std::vector<std::vector<Var>>& features) {
  std::vector<Var> y;
  for (std::size_t t = 0; t < tasks().size(); ++t) y.push_back(predict(decoder(t), head(t), features[t]));
  return y;
}

SharedModel::SharedModel(const ModelConfig& config)
    : BranchedModel(config), encoder_(add("encoder", make_encoder(config))) {
  add_branches();
}

void check_two_tasks(const ModelConfig& config) {
  MEDUSA_CHECK_INPUT(config.tasks.size() >= 2,
                     "architecture '{}' needs at least 2 tasks, got {}: there is no other task to share with; use stl "
                     "for a single task",
                     config.arch, config.tasks.size());
}

}  // namespace medusa::mtl

#include "mtl/networks/task_net.h"

namespace medusa::mtl {

TaskNet::TaskNet(const ModelConfig& config, const Task& task)
    : encoder(add("encoder", make_encoder(config))),
      decoder_(task.traits().pixel_level ? &add<Decoder>("decoder", config.spatial_dims, backbone_of(config))
                                         : nullptr),
      head_(add("head", make_head(config.spatial_dims, backbone_of(config), task))) {}

void TaskNet::own_branch(int task) {
  if (decoder_) decoder_->set_owner(task);
  head_.set_owner(task);
}

}  // namespace medusa::mtl

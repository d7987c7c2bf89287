#include "mtl/networks/stl.h"

namespace medusa::mtl {

STL::Net::Net(const ModelConfig& config, const Task& task)
    : encoder(add("encoder", make_encoder(config))),
      decoder_(pixel_level(task.kind) ? &add<Decoder>("decoder", config.spatial_dims, backbone_of(config)) : nullptr),
      head_(add("head", make_head(config.spatial_dims, backbone_of(config), task))) {}

STL::STL(const ModelConfig& config) : Model(config), nets_(add<nn::ModuleDict<Net>>("nets")) {
  for (const Task& task : tasks()) nets_.put(task.name, config, task);
}

//   x --> encoder_t --p--> (decoder_t) --> head_t --> y_t          for every task t
std::vector<Var> STL::outputs(const Var& x) {
  std::vector<Var> y;
  for (const Task& t : tasks()) y.push_back(nets_[t.name](x));
  return y;
}

std::vector<std::vector<std::size_t>> STL::groups() const {
  std::vector<std::vector<std::size_t>> alone;
  for (std::size_t t = 0; t < tasks().size(); ++t) alone.push_back({t});
  return alone;
}

std::vector<Encoder*> STL::encoders() {
  std::vector<Encoder*> all;
  for (const Task& t : tasks()) all.push_back(&nets_[t.name].encoder);
  return all;
}

}  // namespace medusa::mtl

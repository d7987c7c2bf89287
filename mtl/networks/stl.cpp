#include "mtl/networks/stl.h"

namespace medusa::mtl {

STL::STL(const ModelConfig& config) : Model(config), nets_(per_task<TaskNet>("nets")) {
  for (std::size_t t = 0; t < tasks().size(); ++t) nets_.put(t, config, tasks()[t]);
}

//   x --> encoder_t --p--> (decoder_t) --> head_t --> y_t          for every task t
std::vector<Var> STL::outputs(const Var& x) {
  std::vector<Var> y;
  for (std::size_t t = 0; t < tasks().size(); ++t) y.push_back(nets_[t](x));
  return y;
}

std::vector<Encoder*> STL::encoders() {
  std::vector<Encoder*> all;
  for (std::size_t t = 0; t < tasks().size(); ++t) all.push_back(&nets_[t].encoder);
  return all;
}

}  // namespace medusa::mtl

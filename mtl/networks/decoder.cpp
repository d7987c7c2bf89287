#include "mtl/networks/decoder.h"

namespace medusa::mtl {

namespace {

ConvOptions doubling() {
  ConvOptions options;
  options.stride = {2, 2, 2};
  return options;
}

}  // namespace

Decoder::Decoder(int spatial_dims, const Backbone& backbone)
    : levels_(backbone.levels()),
      bare_(backbone.decoder.size() + 1 - levels_),
      up_(add<nn::ModuleList<nn::ConvTranspose>>("up")),
      blocks_(add<nn::ModuleList<nn::ResBlock>>("blocks")) {
  const std::vector<std::int64_t>& width = backbone.decoder;
  for (std::size_t i = 0; i < width.size(); ++i) {
    up_.push(spatial_dims, i + 1 < width.size() ? width[i + 1] : backbone.channels.back(), width[i], 2, doubling());
    blocks_.push(spatial_dims, width[i] + (i < bare_ ? 0 : backbone.channels[i - bare_]), width[i], backbone.norm);
  }
}

// Step i concatenates the features f_j of level j = i - bare (for resunet i = j):
//   d' = ResBlock_i([up_i(d) ; f_j]),  if there is no f_j: ResBlock_i(up_i(d))
Var Decoder::step(std::size_t i, const Var& d, const std::vector<Var>& features) {
  MEDUSA_CHECK(features.size() == levels_, "decoder: expects features of {} levels, got {}", levels_, features.size());
  const Var up = up_[i](d);
  return blocks_[i](i < bare_ ? up : concat({up, features[i - bare_]}));
}

// d = f_{L-1};  then every step, from the last to step 0
Var Decoder::decode(const std::vector<Var>& features) {
  MEDUSA_CHECK(features.size() == levels_, "decoder: expects features of {} levels, got {}", levels_, features.size());
  Var d = features.back();
  for (std::size_t i = steps(); i-- > 0;) d = step(i, d, features);
  return d;
}

}  // namespace medusa::mtl

#include "mtl/networks/resunet.h"

namespace medusa::mtl {

ResUNet::ResUNet(int spatial_dims, std::int64_t in_channels, const std::vector<std::int64_t>& widths, nn::Norm norm)
    : Encoder(spatial_dims, in_channels, widths.size(), std::int64_t{1} << (widths.size() - 1)),
      stem_(add<nn::ConvNorm>("stem", spatial_dims, in_channels, widths.at(0), 3, true, norm)),
      stages_(add<nn::ModuleList<Stage>>("stages")) {
  for (std::size_t j = 0; j < widths.size(); ++j)
    stages_.push(spatial_dims, widths[j > 0 ? j - 1 : 0], widths[j], norm);
}

// x_0 = stem(x);   u_j = first_j(x_j),  p_j = last_j(u_j),  x_{j+1} = maxpool2(p_j)
Level ResUNet::compute(std::size_t j, const Var& x) {
  const Var in = j == 0 ? stem_(x) : max_pool(x);
  const Var u = stages_[j].first(in);
  return {u, stages_[j].last(u)};
}

}  // namespace medusa::mtl

#include "mtl/networks/resunet.h"

namespace medusa::mtl {

ResUNet::ResUNet(int spatial_dims, std::int64_t in_channels, const std::vector<std::int64_t>& widths)
    : Encoder(spatial_dims, in_channels, widths.size(), std::int64_t{1} << (widths.size() - 1)),
      stem_(add<nn::ConvNorm>("stem", spatial_dims, in_channels, widths.at(0), 3, true)),
      stages_(add<nn::ModuleList<Stage>>("stages")) {
  for (std::size_t j = 0; j < widths.size(); ++j) stages_.push(spatial_dims, widths[j > 0 ? j - 1 : 0], widths[j]);
}

// x_0 = stem(x);   u_j = first_j(x_j),  p_j = last_j(u_j),  x_{j+1} = maxpool2(p_j)
Features ResUNet::compute(const Var& x) {
  Features f;
  for (std::size_t j = 0; j < stages_.size(); ++j) {
    const Var in = j == 0 ? stem_(x) : max_pool(f.p.back());
    f.u.push_back(stages_[j].first(in));
    f.p.push_back(stages_[j].last(f.u.back()));
  }
  return f;
}

}  // namespace medusa::mtl

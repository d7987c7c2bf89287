#include "mtl/networks/resnet.h"

namespace medusa::mtl {

namespace {

// Options of a k x k convolution padded so that only its stride changes the size.  None has a bias: a norm follows.
ConvOptions window(std::int64_t kernel, std::int64_t stride = 1) { return ConvOptions::same(kernel, stride); }
constexpr bool kNoBias = false, kRelu = true;

std::unique_ptr<nn::Module> make_block(bool bottleneck, int spatial_dims, std::int64_t in, std::int64_t planes,
                                       std::int64_t stride, nn::Norm norm) {
  if (bottleneck) return std::make_unique<Bottleneck>(spatial_dims, in, planes, stride, norm);
  return std::make_unique<BasicBlock>(spatial_dims, in, planes, stride, norm);
}

}  // namespace

void ResNetBlock::add_downsample(int spatial_dims, std::int64_t in, std::int64_t out, std::int64_t stride,
                                 nn::Norm norm) {
  if (stride == 1 && in == out) return;
  downsample_ = &add<nn::Sequential>("downsample");
  downsample_->push<nn::Conv>(spatial_dims, in, out, 1, window(1, stride), kNoBias);
  downsample_->push(nn::make_norm(norm, out));
}

BasicBlock::BasicBlock(int spatial_dims, std::int64_t in, std::int64_t planes, std::int64_t stride, nn::Norm norm)
    : conv1_(add<nn::Conv>("conv1", spatial_dims, in, planes, 3, window(3, stride), kNoBias)),
      bn1_(add("bn1", nn::make_norm(norm, planes, kRelu))),
      conv2_(add<nn::Conv>("conv2", spatial_dims, planes, planes, 3, window(3), kNoBias)),
      bn2_(add("bn2", nn::make_norm(norm, planes))) {
  add_downsample(spatial_dims, in, planes, stride, norm);
}

Bottleneck::Bottleneck(int spatial_dims, std::int64_t in, std::int64_t planes, std::int64_t stride, nn::Norm norm)
    : conv1_(add<nn::Conv>("conv1", spatial_dims, in, planes, 1, window(1), kNoBias)),
      bn1_(add("bn1", nn::make_norm(norm, planes, kRelu))),
      conv2_(add<nn::Conv>("conv2", spatial_dims, planes, planes, 3, window(3, stride), kNoBias)),
      bn2_(add("bn2", nn::make_norm(norm, planes, kRelu))),
      conv3_(add<nn::Conv>("conv3", spatial_dims, planes, planes * kExpansion, 1, window(1), kNoBias)),
      bn3_(add("bn3", nn::make_norm(norm, planes * kExpansion))) {
  add_downsample(spatial_dims, in, planes * kExpansion, stride, norm);
}

ResNet::ResNet(int spatial_dims, std::int64_t in_channels, const std::vector<std::int64_t>& planes,
               const ResNetDepth& depth, nn::Norm norm)
    : Encoder(spatial_dims, in_channels, planes.size(), kStride << (planes.size() - 1)),
      conv1_(add<nn::Conv>("conv1", spatial_dims, in_channels, planes.at(0), 7, window(7, 2), kNoBias)),
      bn1_(add("bn1", nn::make_norm(norm, planes.at(0), kRelu))) {
  std::int64_t in = planes[0];
  for (std::size_t j = 0; j < planes.size(); ++j) {
    layers_.push_back(&add<nn::ModuleList<nn::Module>>(fmt::format("layer{}", j + 1)));
    for (int block = 0; block < depth.blocks.at(j); ++block) {
      layers_[j]->push(make_block(depth.bottleneck, spatial_dims, in, planes[j], j > 0 && block == 0 ? 2 : 1, norm));
      in = planes[j] * depth.expansion();
    }
  }
}

// x_0 = maxpool3(relu(BN(conv7(x)))), both with stride 2;   u_j = all blocks of layer j+1 but the last,  p_j = the last
Level ResNet::compute(std::size_t j, const Var& x) {
  const nn::ModuleList<nn::Module>& layer = *layers_[j];
  Var u = j == 0 ? max_pool(bn1_(conv1_(x)), PoolOptions::window(3, 2, 1)) : x;
  for (std::size_t block = 0; block + 1 < layer.size(); ++block) u = layer[block](u);
  return {u, layer[layer.size() - 1](u)};
}

}  // namespace medusa::mtl

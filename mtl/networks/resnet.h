// The encoders `resnet18`, `resnet34` and `resnet50`: the residual networks for ImageNet without the last pooling and
// fully connected layer, for images and volumes  [He, Zhang, Ren, Sun, "Deep residual learning", CVPR 2016, table 1].
// The names of all parts are torchvision's, so that converted ImageNet weights load by name.  BN in the formulas is the
// chosen norm; its modules are always named bn.
#pragma once

#include "mtl/networks/encoder.h"
#include "nn/conv.h"
#include "nn/norm.h"
#include "nn/sequential.h"

namespace medusa::mtl {

// The base of both kinds of blocks: y = relu(branch(x) + shortcut(x)).  The shortcut is the identity, or BN(conv1x1)
// with the block's stride if resolution or channels change.
class ResNetBlock : public nn::Module {
 public:
  Var forward(const Var& x) override { return relu(branch(x) + (downsample_ ? downsample_->forward(x) : x)); }

 protected:
  virtual Var branch(const Var& x) = 0;
  void add_downsample(int spatial_dims, std::int64_t in, std::int64_t out, std::int64_t stride, nn::Norm norm);

 private:
  nn::Sequential* downsample_ = nullptr;  // null: the identity
};

// branch = BN(conv3(relu(BN(conv3(x))))), the first convolution with the stride  (fig. 5, left).
class BasicBlock : public ResNetBlock {
 public:
  static constexpr std::int64_t kExpansion = 1;  // output channels per plane
  BasicBlock(int spatial_dims, std::int64_t in, std::int64_t planes, std::int64_t stride = 1,
             nn::Norm norm = nn::Norm::Batch);

 private:
  Var branch(const Var& x) override { return bn2_(conv2_(bn1_(conv1_(x)))); }

  nn::Conv& conv1_;
  nn::Module& bn1_;  // with the ReLU
  nn::Conv& conv2_;
  nn::Module& bn2_;
};

// branch = BN(conv1(relu(BN(conv3(relu(BN(conv1(x)))))))): `planes` channels inside, 4 times as many outside  (fig. 5,
// right).  The stride is that of the 3x3 convolution, as in torchvision; in the paper it is that of the first.
class Bottleneck : public ResNetBlock {
 public:
  static constexpr std::int64_t kExpansion = 4;
  Bottleneck(int spatial_dims, std::int64_t in, std::int64_t planes, std::int64_t stride = 1,
             nn::Norm norm = nn::Norm::Batch);

 private:
  Var branch(const Var& x) override { return bn3_(conv3_(bn2_(conv2_(bn1_(conv1_(x)))))); }

  nn::Conv& conv1_;
  nn::Module& bn1_;  // with the ReLU
  nn::Conv& conv2_;
  nn::Module& bn2_;  // with the ReLU
  nn::Conv& conv3_;
  nn::Module& bn3_;
};

// One row of table 1: the number of blocks in each of the four stages, and their kind.
struct ResNetDepth {
  std::array<int, 4> blocks;
  bool bottleneck;
  std::int64_t expansion() const { return bottleneck ? Bottleneck::kExpansion : BasicBlock::kExpansion; }
};

class ResNet : public Encoder {
 public:
  static constexpr std::int64_t kStride = 4;  // of level 0: the stem halves twice
  // planes: channels inside the blocks of each stage, 64, 128, 256, 512 in the paper; a stage has planes * expansion
  // output channels.
  ResNet(int spatial_dims, std::int64_t in_channels, const std::vector<std::int64_t>& planes, const ResNetDepth& depth,
         nn::Norm norm = nn::Norm::Batch);

 private:
  Level compute(std::size_t j, const Var& x) override;

  nn::Conv& conv1_;
  nn::Module& bn1_;  // with the ReLU
  std::vector<nn::ModuleList<nn::Module>*> layers_;
};

}  // namespace medusa::mtl

#include "mtl/networks/heads.h"

#include <cmath>

namespace medusa::mtl {
namespace {

// What a structures' head says of every voxel before it has learned anything: sigmoid(bias).  Lin et al., "Focal loss
// for dense object detection", 2017, section 4.1.
constexpr double kRareProbability = 0.01;

}  // namespace

// No ReLU follows, and outputs should start small: the weights are within 1 / sqrt(in), not He's.
PixelHead::PixelHead(int spatial_dims, std::int64_t in, std::int64_t out, const nn::Init& bias)
    : conv_(add<nn::Conv>("conv", spatial_dims, in, out, 1, ConvOptions{}, true, nn::Init::torch_default(in), bias)) {}

ImageHead::ImageHead(std::int64_t in, std::int64_t out)
    : fc1_(add<nn::Linear>("fc1", in, in)), fc2_(add<nn::Linear>("fc2", in, out)) {}

// y = W2 relu(W1 mean_S(x) + b1) + b2
Var ImageHead::forward(const Var& x) { return fc2_(relu(fc1_(global_avg_pool(x)))); }

std::unique_ptr<nn::Module> make_head(int spatial_dims, const Backbone& backbone, const Task& task) {
  if (!pixel_level(task.kind)) return std::make_unique<ImageHead>(backbone.channels.back(), task.channels);
  const std::int64_t in = backbone.decoder.empty() ? backbone.channels.front() : backbone.decoder.front();
  // A structure fills a hundredth of a volume or less.  From "half of it", which a bias near 0 says, all voxels push
  // the logits down together, by the bias and by what the features have in common, until the sigmoid is flat and Dice's
  // gradient with it: what tells the few apart is learned late or never.
  const nn::Init bias = task.kind == TaskKind::Structures
                            ? nn::Init::constant(-std::log((1 - kRareProbability) / kRareProbability))
                            : nn::Init::torch_default(in);
  return std::make_unique<PixelHead>(spatial_dims, in, task.channels, bias);
}

Var predict(Decoder* decoder, nn::Module& head, const std::vector<Var>& features) {
  return head(decoder ? decoder->decode(features) : features.back());
}

}  // namespace medusa::mtl

#include "mtl/networks/heads.h"

#include <cmath>

namespace medusa::mtl {

// No ReLU follows, and outputs should start small: weights are uniform within 1 / sqrt(in), not He's.
PixelHead::PixelHead(int spatial_dims, std::int64_t in, std::int64_t out, const nn::Init& bias)
    : conv_(add<nn::Conv>("conv", spatial_dims, in, out, 1, ConvOptions{}, true, nn::Init::torch_default(in), bias)) {}

ImageHead::ImageHead(std::int64_t in, std::int64_t out)
    : fc1_(add<nn::Linear>("fc1", in, in)), fc2_(add<nn::Linear>("fc2", in, out)) {}

// y = W2 relu(W1 mean_S(x) + b1) + b2
Var ImageHead::forward(const Var& x) { return fc2_(relu(fc1_(global_avg_pool(x)))); }

std::unique_ptr<nn::Module> make_head(int spatial_dims, const Backbone& backbone, const Task& task) {
  if (!task.traits().pixel_level) return std::make_unique<ImageHead>(backbone.channels.back(), task.channels);
  const std::int64_t in = backbone.decoder.empty() ? backbone.channels.front() : backbone.decoder.front();
  const double prior = training_of(task.kind).prior;
  const nn::Init bias = prior > 0 ? nn::Init::constant(-std::log((1 - prior) / prior)) : nn::Init::torch_default(in);
  return std::make_unique<PixelHead>(spatial_dims, in, task.channels, bias);
}

Var predict(Decoder* decoder, nn::Module& head, const std::vector<Var>& features) {
  return head(decoder ? decoder->decode(features) : features.back());
}

}  // namespace medusa::mtl

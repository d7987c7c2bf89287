// Heads: the last layers of a task; and a task's branch, which is its decoder (if it has one) and its head.
#pragma once

#include <memory>
#include <vector>

#include "mtl/networks/decoder.h"
#include "mtl/task.h"
#include "nn/linear.h"

namespace medusa::mtl {

// A value or logit per pixel and channel: [N, S, in] -> [N, S, out].
class PixelHead : public nn::Module {
 public:
  PixelHead(int spatial_dims, std::int64_t in, std::int64_t out, const nn::Init& bias);
  Var forward(const Var& x) override { return conv_(x); }

 private:
  nn::Conv& conv_;
};

// A value or logit per image and channel: [N, S, in] -> [N, out].
class ImageHead : public nn::Module {
 public:
  ImageHead(std::int64_t in, std::int64_t out);
  Var forward(const Var& x) override;

 private:
  nn::Linear& fc1_;
  nn::Linear& fc2_;
};

// The head of a task: that of a pixel-level task reads the decoder's output, that of an image-level one the deepest
// features.
std::unique_ptr<nn::Module> make_head(int spatial_dims, const Backbone& backbone, const Task& task);

// From the features that a task sees to its output.  decoder: null for image-level tasks.
Var predict(Decoder* decoder, nn::Module& head, const std::vector<Var>& features);

}  // namespace medusa::mtl

// Upsample: enlarges (or shrinks) images and volumes without parameters.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::nn {

enum class Interpolation { Nearest, Linear };  // Linear: bilinear in 2D, trilinear in 3D

// [N, S, C] -> [N, S', C], with S' = factor x S on every axis, or the size given.
class Upsample : public Module {
 public:
  explicit Upsample(std::int64_t factor, Interpolation interpolation = Interpolation::Nearest)
      : factor_(factor), interpolation_(interpolation) {
    MEDUSA_CHECK(factor > 0, "upsample: factor must be at least 1, got {}", factor);
  }
  explicit Upsample(std::vector<std::int64_t> size, Interpolation interpolation = Interpolation::Nearest)
      : size_(std::move(size)), interpolation_(interpolation) {}

  Var forward(const Var& x) override {
    std::vector<std::int64_t> size = size_;
    if (size.empty())
      for (int axis = 1; axis < x.rank() - 1; ++axis) size.push_back(factor_ * x.size(axis));
    return resize(x, size, interpolation_ == Interpolation::Linear);
  }

 private:
  std::int64_t factor_ = 1;
  std::vector<std::int64_t> size_;
  Interpolation interpolation_;
};

}  // namespace medusa::nn

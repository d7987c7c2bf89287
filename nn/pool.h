// Pooling layers for images [N, H, W, C] and volumes [N, D, H, W, C].
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::nn {

// The greatest value of each window; by default windows of 2 that do not overlap.
class MaxPool : public Module {
 public:
  explicit MaxPool(std::int64_t kernel = 2, std::int64_t stride = 2, std::int64_t pad = 0)
      : options_(PoolOptions::window(kernel, stride, pad)) {}
  Var forward(const Var& x) override { return max_pool(x, options_); }

 private:
  PoolOptions options_;
};

// The mean of each window; places outside the input do not count.
class AvgPool : public Module {
 public:
  explicit AvgPool(std::int64_t kernel = 2, std::int64_t stride = 2, std::int64_t pad = 0)
      : options_(PoolOptions::window(kernel, stride, pad)) {}
  Var forward(const Var& x) override { return avg_pool(x, options_); }

 private:
  PoolOptions options_;
};

// The mean over space: [N, S, C] -> [N, C].
class GlobalAvgPool : public Module {
 public:
  Var forward(const Var& x) override { return global_avg_pool(x); }
};

}  // namespace medusa::nn

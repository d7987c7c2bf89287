// Normalisation layers: y = weight (x - mean) / sqrt(var + eps) + bias.  They differ in what mean and var are taken
// over.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"

namespace medusa::nn {

namespace detail {

// The part common to all four: a scale (gamma) that starts at 1 and a shift (beta) that starts at 0, one per channel.
class Affine : public Module {
 protected:
  explicit Affine(std::int64_t channels) {
    MEDUSA_CHECK(channels > 0, "norm: channels must be at least 1, got {}", channels);
    weight_ = param("weight", {channels}, Init::constant(1));
    bias_ = param("bias", {channels}, Init::constant(0));
    weight_.value().fill(1);
  }
  Var weight_, bias_;
};

}  // namespace detail

// Over batch and space.  Training uses the batch's statistics and updates the running ones; evaluation uses the running
// ones.  `relu`: followed by max(y, 0) in the same pass.
class BatchNorm : public detail::Affine {
 public:
  explicit BatchNorm(std::int64_t channels, bool relu = false, real momentum = real(0.1), real eps = real(1e-5))
      : Affine(channels), relu_(relu), momentum_(momentum), eps_(eps) {
    running_mean_ = buffer("running_mean", Tensor::zeros({channels}));
    running_var_ = buffer("running_var", Tensor::ones({channels}));
  }
  Var forward(const Var& x) override {
    return batch_norm(x, weight_, bias_, running_mean_, running_var_, training(), momentum_, eps_, relu_);
  }

 private:
  bool relu_;
  real momentum_, eps_;
  Tensor running_mean_, running_var_;
};

// Over space and the channels of one group, per sample.
class GroupNorm : public detail::Affine {
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, bool relu = false, real eps = real(1e-5))
      : Affine(channels), groups_(groups), relu_(relu), eps_(eps) {
    MEDUSA_CHECK(groups > 0 && channels % groups == 0, "group_norm: {} groups do not divide {} channels", groups,
                 channels);
  }
  Var forward(const Var& x) override { return group_norm(x, weight_, bias_, groups_, eps_, relu_); }

 private:
  std::int64_t groups_;
  bool relu_;
  real eps_;
};

// Over space, per sample and channel: no sample's result depends on the others of its batch.
class InstanceNorm : public detail::Affine {
 public:
  explicit InstanceNorm(std::int64_t channels, bool relu = false, real eps = real(1e-5))
      : Affine(channels), relu_(relu), eps_(eps) {}
  Var forward(const Var& x) override { return instance_norm(x, weight_, bias_, eps_, relu_); }

 private:
  bool relu_;
  real eps_;
};

// Over the last axis.
class LayerNorm : public detail::Affine {
 public:
  explicit LayerNorm(std::int64_t channels, real eps = real(1e-5)) : Affine(channels), eps_(eps) {}
  Var forward(const Var& x) override { return layer_norm(x, weight_, bias_, eps_); }

 private:
  real eps_;
};

// The norm between a convolution and its ReLU, as a choice.  All have the parameters `weight` and `bias`; only
// batch norm also has running statistics.
enum class Norm { Batch, Instance, Group };
std::vector<std::string> norms();  // their names, in this order
const char* name(Norm norm);
Norm norm_of(const std::string& name);  // throws InputError that lists the names

// Group norm's groups: 32 (Wu, He 2018), or the largest divisor of the channels below that.
std::int64_t groups_of(std::int64_t channels);
// `relu`: followed by max(y, 0) in the same pass.
std::unique_ptr<Module> make_norm(Norm norm, std::int64_t channels, bool relu = false);

}  // namespace medusa::nn

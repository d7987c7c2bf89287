// Normalisations: batch, group, instance and layer norm are one formula over different sets of elements.
//   xhat = (x - mean) / sqrt(var + eps),   y = gamma xhat + beta
//   dgamma = sum dy xhat,  dbeta = sum dy,  dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(var + eps),  g = gamma dy
#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

void check_channels(const char* op, const char* what, const Tensor& t, std::int64_t channels, const Shape& x) {
  MEDUSA_CHECK(t && t.shape() == Shape{channels}, "{}: {} has shape {}, expected [{}] for an input of shape {}", op,
               what, t.shape(), channels, x);
}

void check_input(const char* op, const Var& x, const Var& gamma, const Var& beta, real eps) {
  MEDUSA_CHECK(x && x.rank() >= 2, "{}: expects [N, .., C], input is {}", op, x.shape());
  check_channels(op, "gamma", gamma.value(), x.size(-1), x.shape());
  check_channels(op, "beta", beta.value(), x.size(-1), x.shape());
  MEDUSA_CHECK(eps >= 0, "{}: eps is {}, expected 0 or more", op, eps);
}

// With given statistics.  Only x is saved for the backward pass; the ReLU's mask and y itself are recomputed from it: a
// network holds the outputs of its convolutions, and no second tensor for each.
Var normalize(const char* op, const Var& x, const Var& gamma, const Var& beta, const Tensor& mean, const Tensor& var,
              real eps, bool relu, bool batch_stats, const NormGeometry& g) {
  check_one_device(op, {x.value(), gamma.value(), beta.value(), mean, var});
  const SavedTensor kept = x.saved();
  const Tensor scale = gamma.value(), shift = beta.value();
  const auto apply = [=](const Tensor& from) {
    Tensor y = Tensor::empty_like(from);
    kernels::norm_apply(from.device(), from.data(), mean.data(), var.data(), eps, scale.data(), shift.data(), relu,
                        y.mutable_data(), g);
    return y;
  };
  const auto backward = [=](const Tensor& dy) -> Grads {
    const Tensor from = kept.get();
    Tensor dx = Tensor::empty_like(from), dgamma = Tensor::empty_like(scale), dbeta = Tensor::empty_like(shift);
    kernels::norm_backward(dy.device(), from.data(), mean.data(), var.data(), eps, scale.data(), shift.data(), relu,
                           batch_stats, dy.data(), dx.mutable_data(), dgamma.mutable_data(), dbeta.mutable_data(), g);
    return {dx, dgamma, dbeta};
  };
  return Var::result(op, apply(x.value()), {x, gamma, beta}, backward,
                     recipe(op, {x, gamma, beta}, [=] { return apply(kept.get()); }));
}

// With the statistics of x itself.
Var normalize_own(const char* op, const Var& x, const Var& gamma, const Var& beta, real eps, bool relu,
                  const NormGeometry& g) {
  Tensor mean = Tensor::empty({g.stats()}, x.device()), var = Tensor::empty({g.stats()}, x.device());
  kernels::norm_stats(x.device(), x.value().data(), mean.mutable_data(), var.mutable_data(), g);
  return normalize(op, x, gamma, beta, mean, var, eps, relu, true, g);
}

}  // namespace

// Ioffe, Szegedy, "Batch normalization", 2015, algorithms 1 and 2.  Statistics per channel over N and space.
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, Tensor& running_mean, Tensor& running_var,
               bool training, real momentum, real eps, bool relu) {
  check_input("batch_norm", x, gamma, beta, eps);
  const std::int64_t channels = x.size(-1);
  check_channels("batch_norm", "running_mean", running_mean, channels, x.shape());
  check_channels("batch_norm", "running_var", running_var, channels, x.shape());
  check_one_device("batch_norm", {x.value(), gamma.value(), beta.value(), running_mean, running_var});
  const NormGeometry g{1, channels > 0 ? x.value().numel() / channels : 0, channels, 1};
  // Copies, since a later training step would change them before the backward pass.
  if (!training)
    return normalize("batch_norm", x, gamma, beta, running_mean.clone(), running_var.clone(), eps, relu, false, g);

  MEDUSA_CHECK(g.length > 1, "batch_norm: expected more than 1 value per channel when training, input is {}",
               x.shape());
  Tensor mean = Tensor::empty({channels}, x.device()), var = Tensor::empty({channels}, x.device());
  kernels::norm_stats(x.device(), x.value().data(), mean.mutable_data(), var.mutable_data(), g);
  if (!recomputing()) {
    // running = (1 - momentum) running + momentum batch, with the unbiased variance
    const double n = static_cast<double>(g.length), share = static_cast<double>(momentum);
    kernels::move_averages(x.device(), running_mean.mutable_data(), running_var.mutable_data(), mean.data(), var.data(),
                           static_cast<real>(1 - share), static_cast<real>(share),
                           static_cast<real>(share * (n / (n - 1))), channels);
  }
  return normalize("batch_norm", x, gamma, beta, mean, var, eps, relu, true, g);
}

// Wu, He, "Group normalization", 2018, eq. 7.  Statistics per sample and group of channels.
Var group_norm(const Var& x, const Var& gamma, const Var& beta, std::int64_t groups, real eps, bool relu) {
  check_input("group_norm", x, gamma, beta, eps);
  const std::int64_t n = x.size(0), channels = x.size(-1);
  MEDUSA_CHECK(groups > 0 && channels % groups == 0, "group_norm: {} channels cannot be cut into {} equal groups",
               channels, groups);
  const std::int64_t per_sample = n > 0 ? x.value().numel() / n : 0;
  const NormGeometry g{n, channels > 0 ? per_sample / channels : 0, groups, channels / groups};
  MEDUSA_CHECK(g.outer * g.length * g.inner != 1, "group_norm: expected more than 1 value per group, input is {}",
               x.shape());
  return normalize_own("group_norm", x, gamma, beta, eps, relu, g);
}

// Ulyanov, Vedaldi, Lempitsky, "Instance normalization", 2016.  Statistics per sample and channel.
Var instance_norm(const Var& x, const Var& gamma, const Var& beta, real eps, bool relu) {
  check_input("instance_norm", x, gamma, beta, eps);
  const std::int64_t n = x.size(0), channels = x.size(-1);
  const NormGeometry g{n, n * channels > 0 ? x.value().numel() / (n * channels) : 0, channels, 1};
  MEDUSA_CHECK(g.numel() == 0 || g.length > 1, "instance_norm: expected more than 1 place per channel, input is {}",
               x.shape());
  return normalize_own("instance_norm", x, gamma, beta, eps, relu, g);
}

// Ba, Kiros, Hinton, "Layer normalization", 2016.  Statistics per place, over the channels.
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, real eps) {
  MEDUSA_CHECK(x && x.rank() >= 1, "layer_norm: expects [.., C], input is {}", x.shape());
  check_channels("layer_norm", "gamma", gamma.value(), x.size(-1), x.shape());
  check_channels("layer_norm", "beta", beta.value(), x.size(-1), x.shape());
  const std::int64_t channels = x.size(-1);
  return normalize_own("layer_norm", x, gamma, beta, eps, false,
                       {channels > 0 ? x.value().numel() / channels : 0, 1, 1, channels});
}

}  // namespace medusa

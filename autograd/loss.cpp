// Losses.  Each is a sum and what it is divided by, both left on the device: nothing is read back between forward and
// backward.  Targets, masks and weights get no gradient.
#include <cmath>

#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

const real* data_or_null(const Tensor& t) { return t ? t.data() : nullptr; }

Tensor mean_of_sums(const Tensor& sums) {
  Tensor y = Tensor::empty({1}, sums.device());
  kernels::mean_of_sums(sums.device(), sums.data(), y.mutable_data());
  return y;
}

// dy / sum of weights: the factor on every element's derivative.
Tensor scale_of(const Tensor& sums, const Tensor& dy) {
  Tensor scale = Tensor::empty({1}, dy.device());
  kernels::mean_of_sums_backward(dy.device(), sums.data(), dy.data(), scale.mutable_data());
  return scale;
}

// L = sum m f(x, t) / sum m,  dx = m f'(x, t) dL / sum m;  f of tensor/math.h with parameter a.
Var pointwise(const char* name, PointwiseLoss op, const Var& x, const Tensor& target, const Tensor& mask, real a) {
  MEDUSA_CHECK(x && target && target.shape() == x.shape(), "{}: target has shape {}, input {}", name, target.shape(),
               x.shape());
  check_one_device(name, {x.value(), target, mask});
  std::int64_t channels = 1;  // elements per mask value
  if (mask && mask.shape() != x.shape()) {
    Shape one = x.shape();
    if (one.rank() > 0) one[-1] = 1;
    MEDUSA_CHECK(mask.shape() == one, "{}: mask has shape {}, expected {} or {}", name, mask.shape(), one, x.shape());
    channels = x.size(-1);
  }
  const Device device = x.device();
  const std::int64_t n = x.value().numel();
  Tensor sums = Tensor::empty({2}, device);
  kernels::pointwise_loss(device, op, a, x.value().data(), target.data(), data_or_null(mask), sums.mutable_data(), n,
                          channels);
  return Var::result(name, mean_of_sums(sums), {x}, [=, x = x.value()](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty_like(x);
    const Tensor scale = scale_of(sums, dy);
    kernels::pointwise_loss_backward(device, op, a, x.data(), target.data(), data_or_null(mask), scale.data(),
                                     dx.mutable_data(), n, channels);
    return {dx};
  });
}

// Labels are checked where they can be read without waiting for a GPU; on a GPU a wrong label makes the loss NaN.
void check_labels(const char* op, const Tensor& label, std::int64_t classes, const std::int64_t* ignore) {
  if (label.device() != Device::CPU) return;
  const real* p = label.data();
  for (std::int64_t i = 0; i < label.numel(); ++i) {
    if (p[i] >= 0 && p[i] < static_cast<real>(classes) && p[i] == std::floor(p[i])) continue;
    if (ignore != nullptr && p[i] == static_cast<real>(*ignore)) continue;
    fail("{}: label {} at place {} is not one of the {} classes 0..{}", op, p[i], i, classes, classes - 1);
  }
}

// `shape` with its last axis cut off, or of size 1.
bool fits_rows(const Shape& label, const Shape& x) {
  Shape without(x.begin(), x.end() - 1), one = x;
  one[-1] = 1;
  return label == without || label == one;
}

}  // namespace

// f = -t log s(x) - (1 - t) log(1 - s(x)),  f' = s(x) - t
Var bce_with_logits(const Var& x, const Tensor& target, const Tensor& mask) {
  return pointwise("bce_with_logits", PointwiseLoss::BceWithLogits, x, target, mask, 0);
}

// f = |x - t|,  f' = sign(x - t)
Var l1_loss(const Var& x, const Tensor& target, const Tensor& mask) {
  return pointwise("l1_loss", PointwiseLoss::L1, x, target, mask, 0);
}

// f = (x - t)^2,  f' = 2 (x - t)
Var mse_loss(const Var& x, const Tensor& target, const Tensor& mask) {
  return pointwise("mse_loss", PointwiseLoss::Mse, x, target, mask, 0);
}

// f = e^2 / (2 beta) where e = |x - t| < beta, else e - beta / 2  (Girshick, "Fast R-CNN", 2015, eq. 3)
Var smooth_l1_loss(const Var& x, const Tensor& target, real beta, const Tensor& mask) {
  MEDUSA_CHECK(beta >= 0, "smooth_l1_loss: beta is {}, expected 0 or more", beta);
  return pointwise("smooth_l1_loss", PointwiseLoss::SmoothL1, x, target, mask, beta);
}

// f = -(1 - p_t)^gamma log p_t, p_t the probability of the true answer  (Lin et al., "Focal loss", 2017, eq. 4)
Var focal_loss(const Var& x, const Tensor& target, real gamma, const Tensor& mask) {
  MEDUSA_CHECK(gamma == 0 || gamma >= 1,
               "focal_loss: gamma is {}, expected 0 or at least 1 (below 1 the gradient is unbounded)", gamma);
  return pointwise("focal_loss", PointwiseLoss::Focal, x, target, mask, gamma);
}

// L = sum_i w_y m_i ((1 - s) l_iy + s / (K w_y) sum_k w_k l_ik) / sum_i w_y m_i,  l_ik = -log softmax(x_i)_k, y =
// label_i (Szegedy et al., "Rethinking the Inception architecture", 2016, section 7, weighted as PyTorch does)
Var cross_entropy(const Var& x, const Tensor& label, const CrossEntropyOptions& options) {
  MEDUSA_CHECK(x && x.rank() >= 1 && x.size(-1) > 0, "cross_entropy: expects [.., classes], input is {}", x.shape());
  const std::int64_t classes = x.size(-1), rows = x.value().numel() / classes;
  MEDUSA_CHECK(label && fits_rows(label.shape(), x.shape()), "cross_entropy: label has shape {}, input {}",
               label.shape(), x.shape());
  MEDUSA_CHECK(!options.weight || options.weight.shape() == Shape{classes},
               "cross_entropy: weight has shape {}, expected [{}]", options.weight.shape(), classes);
  MEDUSA_CHECK(!options.mask || options.mask.numel() == rows,
               "cross_entropy: mask has shape {}, expected one value for each of {} rows", options.mask.shape(), rows);
  MEDUSA_CHECK(options.smoothing >= 0 && options.smoothing <= 1, "cross_entropy: smoothing is {}, expected 0..1",
               options.smoothing);
  check_one_device("cross_entropy", {x.value(), label, options.weight, options.mask});
  check_labels("cross_entropy", label, classes, &options.ignore);
  const Device device = x.device();
  Tensor sums = Tensor::empty({2}, device);
  kernels::cross_entropy(device, x.value().data(), label.data(), data_or_null(options.weight),
                         data_or_null(options.mask), options.ignore, options.smoothing, sums.mutable_data(), rows,
                         classes);
  return Var::result("cross_entropy", mean_of_sums(sums), {x}, [=, x = x.value()](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty_like(x);
    const Tensor scale = scale_of(sums, dy);
    kernels::cross_entropy_backward(device, x.data(), label.data(), data_or_null(options.weight),
                                    data_or_null(options.mask), options.ignore, options.smoothing, scale.data(),
                                    dx.mutable_data(), rows, classes);
    return {dx};
  });
}

// L = 1 - mean over (n, c) of D,  D = (2 I + s) / U,  I = sum p t,  U = sum p + sum t + s
// dL/dp = -(2 t - D) / U / (N C)
Var dice_loss(const Var& p, const Tensor& target, real smooth, const Tensor& mask) {
  MEDUSA_CHECK(p && p.rank() >= 2, "dice_loss: expects [N, S, C], input is {}", p.shape());
  MEDUSA_CHECK(target && target.shape() == p.shape(), "dice_loss: target has shape {}, input {}", target.shape(),
               p.shape());
  const std::int64_t n = p.size(0), channels = p.size(-1),
                     space = n * channels > 0 ? p.value().numel() / (n * channels) : 0;
  Shape one = p.shape();
  one[-1] = 1;
  MEDUSA_CHECK(!mask || mask.shape() == one, "dice_loss: mask has shape {}, expected {}", mask.shape(), one);
  MEDUSA_CHECK(smooth >= 0, "dice_loss: smooth is {}, expected 0 or more", smooth);
  check_one_device("dice_loss", {p.value(), target, mask});
  const Device device = p.device();
  Tensor sums = Tensor::empty({n, channels, 3}, device), y = Tensor::empty({1}, device);
  kernels::dice_sums(device, p.value().data(), target.data(), data_or_null(mask), sums.mutable_data(), n, space,
                     channels);
  kernels::dice_ratio(device, sums.data(), smooth, y.mutable_data(), n * channels);
  return Var::result("dice_loss", y, {p}, [=, shape = p.shape()](const Tensor& dy) -> Grads {
    Tensor dsums = Tensor::empty_like(sums), dp = Tensor::empty(shape, device);
    kernels::dice_ratio_backward(device, sums.data(), smooth, dy.data(), dsums.mutable_data(), n * channels);
    kernels::dice_backward(device, target.data(), data_or_null(mask), dsums.data(), dp.mutable_data(), n, space,
                           channels);
    return {dp};
  });
}

Tensor one_hot(const Tensor& label, std::int64_t classes) {
  MEDUSA_CHECK(label && classes > 0, "one_hot: expects labels and at least 1 class, found {} classes", classes);
  check_labels("one_hot", label, classes, nullptr);
  Shape shape = label.shape();
  if (shape.rank() > 0 && shape[-1] == 1)
    shape[-1] = classes;
  else
    shape.push_back(classes);
  Tensor y = Tensor::empty(shape, label.device());
  kernels::one_hot(label.device(), label.data(), y.mutable_data(), label.numel(), classes);
  return y;
}

}  // namespace medusa

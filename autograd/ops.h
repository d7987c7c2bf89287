// The catalogue of differentiable functions, by family; each lives in autograd/<family>.cpp with its formulas.
// Images are [N, H, W, C], volumes [N, D, H, W, C]; "S" stands for the spatial axes.  Shapes that do not fit throw
// Error.
#pragma once

#include <array>
#include <vector>

#include "autograd/var.h"
#include "tensor/math.h"

namespace medusa {

class WeightCache;  // tensor/weight_cache.h

// ---- elementwise ------------------------------------------------------------------------------------------------
Var unary(UnaryOp op, const Var& x, real a = 0);        // y = f(x, a): the functions of tensor/math.h
Var relu(const Var& x);                                 // max(x, 0)
Var leaky_relu(const Var& x, real slope = real(0.01));  // x > 0 ? x : slope x
Var sigmoid(const Var& x);                              // 1 / (1 + e^-x)
Var tanh(const Var& x);
Var silu(const Var& x);  // x sigmoid(x)
Var gelu(const Var& x, bool tanh_approximation = false);
Var exp(const Var& x);
Var log(const Var& x);
Var sqrt(const Var& x);
Var square(const Var& x);
Var abs(const Var& x);
// Two operands of equal rank; an axis of size 1 is repeated to fit the other's.
Var add(const Var& a, const Var& b);
Var sub(const Var& a, const Var& b);
Var mul(const Var& a, const Var& b);
Var div(const Var& a, const Var& b);
Var add_relu(const Var& a, const Var& b);  // max(a + b, 0): how a residual block ends
Var add(const Var& x, real a);
Var mul(const Var& x, real a);
inline Var operator+(const Var& a, const Var& b) { return add(a, b); }
inline Var operator-(const Var& a, const Var& b) { return sub(a, b); }
inline Var operator*(const Var& a, const Var& b) { return mul(a, b); }
inline Var operator/(const Var& a, const Var& b) { return div(a, b); }
inline Var operator+(const Var& x, real a) { return add(x, a); }
inline Var operator-(const Var& x, real a) { return add(x, -a); }
inline Var operator*(const Var& x, real a) { return mul(x, a); }
inline Var operator*(real a, const Var& x) { return mul(x, a); }
inline Var operator/(const Var& x, real a) { return mul(x, 1 / a); }
inline Var operator-(const Var& x) { return mul(x, -1); }
// With probability p an element becomes 0, else x / (1 - p)  (Srivastava et al. 2014).  Draws from next_op_seed().
Var dropout(const Var& x, real p);

// ---- reduce -----------------------------------------------------------------------------------------------------
Var sum(const Var& x);                               // -> [1]
Var mean(const Var& x);                              // -> [1]
Var sum(const Var& x, int axis, bool keep = false);  // one axis; keep: it stays with size 1
Var mean(const Var& x, int axis, bool keep = false);
Var weighted_sum(const Var& x, const Tensor& w);  // sum_i w_i x_i -> [1], for gradient checks
Var global_avg_pool(const Var& x);                // [N, S, C] -> [N, C]

// ---- matmul -----------------------------------------------------------------------------------------------------
// [.., m, k] x [.., k, n] -> [.., m, n]; rank 2, or rank 3 with equal batch sizes.  Transposes apply before the
// product.
Var matmul(const Var& a, const Var& b, bool transpose_a = false, bool transpose_b = false);
// x [.., in], weight [out, in], bias [out] or empty -> [.., out]:  y = x W^T + b
Var linear(const Var& x, const Var& weight, const Var& bias = {});

// ---- conv -------------------------------------------------------------------------------------------------------
// Three numbers for depth, height, width; in 2D the first is ignored.
struct ConvOptions {
  std::array<std::int64_t, 3> stride{1, 1, 1}, pad{0, 0, 0}, dilation{1, 1, 1};
  std::int64_t groups = 1;
  static ConvOptions same(std::int64_t kernel, std::int64_t stride = 1);  // pad = kernel / 2 on every axis
};
// 2D: x [N, H, W, Cin], weight [kH, kW, Cin/groups, Cout];  3D: x [N, D, H, W, Cin], weight [kD, kH, kW, Cin/groups,
// Cout]; bias [Cout] or empty.  y[o] = b + sum_k w[k] x[o stride + k dilation - pad]
// cache: of the layer that owns the weight; under NoGrad it keeps the weight's packed form.  It never changes y.
Var conv(const Var& x, const Var& weight, const Var& bias = {}, const ConvOptions& options = {},
         WeightCache* cache = nullptr);
// The adjoint of conv: x [N, S, Cin], weight [k.., Cout/groups, Cin] (the weight of the conv from Cout to Cin), bias
// [Cout] or empty; S' = (S - 1) stride - 2 pad + dilation (k - 1) + 1 + output_pad
Var conv_transpose(const Var& x, const Var& weight, const Var& bias = {}, const ConvOptions& options = {},
                   std::array<std::int64_t, 3> output_pad = {0, 0, 0});

// ---- pool -------------------------------------------------------------------------------------------------------
struct PoolOptions {
  std::array<std::int64_t, 3> kernel{2, 2, 2}, stride{2, 2, 2}, pad{0, 0, 0};
  static PoolOptions window(std::int64_t kernel, std::int64_t stride, std::int64_t pad = 0);
};
Var max_pool(const Var& x, const PoolOptions& options = {});  // the gradient goes to the first of equal values
Var avg_pool(const Var& x, const PoolOptions& options = {});  // over the places inside the input

// ---- norm -------------------------------------------------------------------------------------------------------
// y = gamma (x - mean) / sqrt(var + eps) + beta per channel, then max(y, 0) where `relu` (one pass instead of two).
// In training mean and var are those of the batch, and running = (1 - momentum) running + momentum batch (with the
// unbiased variance), unless recomputing(); else they are the running ones  (Ioffe, Szegedy 2015).
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, Tensor& running_mean, Tensor& running_var,
               bool training, real momentum = real(0.1), real eps = real(1e-5), bool relu = false);
Var group_norm(const Var& x, const Var& gamma, const Var& beta, std::int64_t groups, real eps = real(1e-5),
               bool relu = false);  // Wu, He 2018
Var instance_norm(const Var& x, const Var& gamma, const Var& beta, real eps = real(1e-5),
                  bool relu = false);                                                    // = group_norm with C groups
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, real eps = real(1e-5));  // over the last axis

// ---- softmax ----------------------------------------------------------------------------------------------------
Var softmax(const Var& x, int axis = -1);  // e^x_k / sum_j e^x_j along the axis
// q [B, n, d], k [B, m, d], v [B, m, e] -> [B, n, e]:  softmax(q k^T scale) v  (Vaswani et al. 2017, eq. 1)
Var attention(const Var& q, const Var& k, const Var& v, real scale);

// ---- resize -----------------------------------------------------------------------------------------------------
// To the spatial size given (2 or 3 numbers); linear is bilinear in 2D, trilinear in 3D, pixel centres at i + 0.5.
Var resize(const Var& x, const std::vector<std::int64_t>& size, bool linear = true);

// ---- layout -----------------------------------------------------------------------------------------------------
Var reshape(const Var& x, const Shape& shape);            // shares memory
Var permute(const Var& x, const std::vector<int>& axes);  // y's axis i is x's axis axes[i]; copies
Var flip(const Var& x, int axis);
Var concat(const std::vector<Var>& parts, int axis = -1);
Var slice(const Var& x, int axis, std::int64_t start, std::int64_t length);

// ---- loss: all return [1] -----------------------------------------------------------------------------------------
// x and target [N, S, C]; mask [N, S, 1] (or of x's shape) or empty.  sum(mask * f) / sum(mask), the mask repeated over
// channels; 0 where the mask is empty.  The functions f are those of tensor/math.h.
Var bce_with_logits(const Var& x, const Tensor& target, const Tensor& mask = {});
Var l1_loss(const Var& x, const Tensor& target, const Tensor& mask = {});
Var mse_loss(const Var& x, const Tensor& target, const Tensor& mask = {});
Var smooth_l1_loss(const Var& x, const Tensor& target, real beta = 1, const Tensor& mask = {});
Var focal_loss(const Var& x, const Tensor& target, real gamma = 2, const Tensor& mask = {});
struct CrossEntropyOptions {
  Tensor weight;               // [classes]: the mean is weighted by the weight of each row's class; empty: all 1
  std::int64_t ignore = -100;  // rows with this label do not count
  real smoothing = 0;          // label smoothing as torch's cross_entropy defines it
  Tensor mask;                 // one value per row, or empty
};
// x [.., classes] logits, label [..] or [.., 1] of whole numbers.  -sum w_label log softmax(x)_label / sum w_label
Var cross_entropy(const Var& x, const Tensor& label, const CrossEntropyOptions& options = {});
// Soft Dice of probabilities p [N, S, C] and target in [0, 1]: 1 - mean over (n, c) of (2 sum p t + s) / (sum p + sum t
// + s) (Milletari, Navab, Ahmadi 2016, with sums instead of squares).  `per_channel`: [N, S, C] targets; mask [N, S, 1]
// or empty.
Var dice_loss(const Var& p, const Tensor& target, real smooth = real(1e-5), const Tensor& mask = {});
Tensor one_hot(const Tensor& label, std::int64_t classes);  // [..] or [.., 1] -> [.., classes]; not differentiable

}  // namespace medusa

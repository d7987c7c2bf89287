// The kernel catalogue: every kernel of the library, a line each.  This is the table of contents of tensor/cpu and
// cuda.
//
//   KERNEL(softmax, (const real* x, real* y, Rows r))
//
// declares the CPU version once per instruction set (tensor/cpu/softmax.cpp is compiled for each, see tensor/isa.h),
// the CUDA version, and kernels::softmax(device, x, y, r), which calls the right one.  Which versions there are is
// decided where the library is compiled (tensor/kernels.cpp), never in a program that includes this header.
//
// Conventions: pointers are to dense memory; outputs are overwritten unless the line says "adds"; inputs and outputs
// do not overlap unless the line says "in place"; sizes of 0 are allowed; same bits for any number of threads.
#pragma once

#include <cstdint>

#include "tensor/check.h"
#include "tensor/device.h"
#include "tensor/geometry.h"
#include "tensor/isa.h"
#include "tensor/math.h"
#include "tensor/real.h"

namespace medusa {

// Picks the compiled version of a kernel: by device, and on the CPU by the instruction set in use.
template <class Signature>
class Kernel;
template <class... Args>
class Kernel<void(Args...)> {
 public:
  using Function = void (*)(Args...);
  // null: this build has no such version.
  constexpr Kernel(const char* name, Function base, Function avx2, Function avx512, Function cuda)
      : name_(name), cpu_{base, avx2, avx512}, cuda_(cuda) {}
  // A kernel of a program's own, with one version for the CPU.
  constexpr Kernel(const char* name, Function cpu, Function cuda) : Kernel(name, cpu, cpu, cpu, cuda) {}

  // Throws Error where the build has no CUDA backend and `device` asks for it.
  void operator()(Device device, Args... args) const {
    if (device == Device::CPU) return cpu_[static_cast<int>(isa())](args...);
    MEDUSA_CHECK(cuda_ != nullptr, "{}: this build has no CUDA backend", name_);
    cuda_(args...);
  }

 private:
  const char* name_;
  Function cpu_[3], cuda_;
};

}  // namespace medusa

#define MEDUSA_DECLARE_KERNEL(name, params) \
  namespace cpu_base {                      \
  void name params;                         \
  }                                         \
  namespace cpu_avx2 {                      \
  void name params;                         \
  }                                         \
  namespace cpu_avx512 {                    \
  void name params;                         \
  }                                         \
  namespace cuda {                          \
  void name params;                         \
  }                                         \
  namespace kernels {                       \
  extern const Kernel<void params> name;    \
  }

#if !defined(KERNEL)  // tensor/kernels.cpp defines it to fill the table
#define KERNEL MEDUSA_DECLARE_KERNEL
#endif

namespace medusa {
// clang-format off

// ---- elementwise: tensor/cpu/elementwise.cpp --------------------------------------------------------------------
KERNEL(fill,            (real* y, real value, std::int64_t n))
KERNEL(unary,           (UnaryOp op, real a, const real* x, real* y, std::int64_t n))                                     // y = f(x, a); in place allowed
KERNEL(unary_backward,  (UnaryOp op, real a, const real* x, const real* y, const real* dy, real* dx, std::int64_t n))     // dx = dy f'(x, y, a); in place (dx = dy) allowed
KERNEL(binary,          (BinaryOp op, const real* a, const real* b, real* y, BinaryGeometry g))                           // y = f(a, b) with broadcasting
KERNEL(add_scaled,      (real alpha, const real* x, real* y, std::int64_t n))                                             // adds: y += alpha x
KERNEL(dropout,         (const real* x, real* y, real p, std::uint64_t seed, std::uint64_t stream, std::int64_t n))       // y_i = uniform_i < p ? 0 : x_i / (1 - p); same bits for x and dy

// ---- reduce: tensor/cpu/reduce.cpp ------------------------------------------------------------------------------
KERNEL(sum,             (const real* x, real scale, real* y, Rows r))      // y[o, i] = scale * sum_k x[o, k, i]
KERNEL(max_index,       (const real* x, real* index, Rows r))              // first k of the largest x[o, k, i]
KERNEL(inner_product,   (const PairSpan* spans, std::int64_t count, real* y))  // y[0] + y[1] = sum over all spans of a b, in double; the spans are in the host's memory
KERNEL(combination,     (const real* const* x, const double* weights, std::int64_t count, real* y, std::int64_t n))  // y = sum_t weights[t] x[t], in double, count <= 32; x and weights are in the host's memory
KERNEL(count_nonfinite, (const real* x, real* y, std::int64_t n))          // y[0] = how many of x are NaN or infinite

// ---- matmul: tensor/cpu/matmul.cpp ------------------------------------------------------------------------------
KERNEL(matmul,          (real alpha, const real* a, const real* b, real beta, real* c, MatmulGeometry g))

// ---- conv: tensor/cpu/conv.cpp ----------------------------------------------------------------------------------
KERNEL(conv,                  (const real* x, const real* w, const real* bias, real* y, ConvGeometry g))  // bias [cout] or null
KERNEL(conv_backward_data,    (const real* dy, const real* w, const real* bias, real* dx, ConvGeometry g))  // also the transposed convolution; bias [cin] or null
KERNEL(conv_backward_weights, (const real* x, const real* dy, real* dw, ConvGeometry g))

// ---- pool: tensor/cpu/pool.cpp ----------------------------------------------------------------------------------
KERNEL(max_pool,          (const real* x, real* y, std::int32_t* index, PoolGeometry g))                  // index: winner's place inside the window, first of equals
KERNEL(max_pool_backward, (const real* dy, const std::int32_t* index, real* dx, PoolGeometry g))
KERNEL(avg_pool,          (const real* x, real* y, PoolGeometry g))
KERNEL(avg_pool_backward, (const real* dy, real* dx, PoolGeometry g))

// ---- norm: tensor/cpu/norm.cpp ----------------------------------------------------------------------------------
KERNEL(norm_stats,      (const real* x, real* mean, real* var, NormGeometry g))                           // biased variance
KERNEL(norm_apply,      (const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta,
                         bool relu, real* y, NormGeometry g))                                             // y = [relu](gamma (x - mean) / sqrt(var + eps) + beta)
KERNEL(move_averages,   (real* mean, real* var, const real* batch_mean, const real* batch_var, real keep, real mean_share, real var_share,
                         std::int64_t n))                                                                 // mean = keep mean + mean_share batch_mean; var likewise
KERNEL(norm_backward,   (const real* x, const real* mean, const real* var, real eps, const real* gamma, const real* beta, bool relu,
                         bool batch_stats, const real* dy, real* dx, real* dgamma, real* dbeta, NormGeometry g))  // batch_stats: mean and var were computed from x

// ---- softmax: tensor/cpu/softmax.cpp ----------------------------------------------------------------------------
KERNEL(softmax,          (const real* x, real* y, Rows r))
KERNEL(softmax_backward, (const real* y, const real* dy, real* dx, Rows r))

// ---- resize: tensor/cpu/resize.cpp ------------------------------------------------------------------------------
KERNEL(resize,          (const real* x, real* y, ResizeGeometry g))
KERNEL(resize_backward, (const real* dy, real* dx, ResizeGeometry g))

// ---- layout: tensor/cpu/layout.cpp ------------------------------------------------------------------------------
KERNEL(strided_copy,    (const real* x, real* y, StridedGeometry g))       // permute, flip, broadcast
KERNEL(slice_copy,      (const real* x, real* y, SliceGeometry g))         // concat, slice

// ---- loss: tensor/cpu/loss.cpp; m is a mask of n / channels values or null (all 1) ------------------------------
KERNEL(pointwise_loss,          (PointwiseLoss op, real a, const real* x, const real* t, const real* m, real* y, std::int64_t n, std::int64_t channels))  // y[0] = sum m f(x, t), y[1] = sum m (over all n)
KERNEL(pointwise_loss_backward, (PointwiseLoss op, real a, const real* x, const real* t, const real* m, const real* scale, real* dx, std::int64_t n, std::int64_t channels))  // dx = scale[0] m df(x, t)
KERNEL(cross_entropy,           (const real* x, const real* label, const real* weight, const real* m, std::int64_t ignore, real smoothing, real* y, std::int64_t rows, std::int64_t classes))  // y[0] = sum of losses, y[1] = sum of weights
KERNEL(cross_entropy_backward,  (const real* x, const real* label, const real* weight, const real* m, std::int64_t ignore, real smoothing, const real* scale, real* dx, std::int64_t rows, std::int64_t classes))
KERNEL(dice_sums,               (const real* p, const real* t, const real* m, real* sums, std::int64_t n, std::int64_t space, std::int64_t channels))  // sums [n, channels, 3] = sum m p t, sum m p, sum m t
KERNEL(dice_backward,           (const real* t, const real* m, const real* dsums, real* dp, std::int64_t n, std::int64_t space, std::int64_t channels))  // dp = m (t dsums_0 + dsums_1)
KERNEL(dice_ratio,              (const real* sums, real smooth, real* y, std::int64_t n))                     // sums [n, 3]: y[0] = 1 - mean (2 sums_0 + smooth) / (sums_1 + sums_2 + smooth)
KERNEL(dice_ratio_backward,     (const real* sums, real smooth, const real* dy, real* dsums, std::int64_t n))
KERNEL(mean_of_sums,            (const real* sums, real* y))                                                  // y[0] = sums[0] / sums[1], or 0 where sums[1] = 0
KERNEL(mean_of_sums_backward,   (const real* sums, const real* dy, real* scale))                              // scale[0] = dy[0] / sums[1], or 0
KERNEL(one_hot,                 (const real* label, real* y, std::int64_t rows, std::int64_t classes))

// ---- optim: tensor/cpu/optim.cpp --------------------------------------------------------------------------------
// The numbers are double, since 1 - beta2 needs more digits than a float beta2 has; they act in `real` like g * real(grad_scale).
// All parameters at once: the spans are in the host's memory, what they point to is on the device.
KERNEL(sgd_steps,  (const ParameterSpan* spans, std::int64_t count, double lr, double mu, double weight_decay, bool nesterov, double grad_scale))  // momentum may be null where mu = 0
KERNEL(adam_steps, (const ParameterSpan* spans, std::int64_t count, double lr, double beta1, double beta2, double eps, double weight_decay, bool decoupled,
                    double bias1, double bias2, double grad_scale))  // bias_i = 1 - beta_i^step

// clang-format on
}  // namespace medusa

#undef KERNEL

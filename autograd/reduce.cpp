// Sums and means, and the repetitions that are their gradients.
#include "autograd/reduce.h"

#include "autograd/axis.h"
#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

Tensor scaled(const Tensor& x, real scale) {
  if (scale == 1) return x;
  Tensor y = Tensor::empty_like(x);
  kernels::unary(x.device(), UnaryOp::MulScalar, scale, x.data(), y.mutable_data(), y.numel());
  return y;
}

Tensor sum_rows(const Tensor& x, Rows r, real scale, const Shape& shape) {
  Tensor y = Tensor::empty(shape, x.device());
  kernels::sum(x.device(), x.data(), scale, y.mutable_data(), r);
  return y;
}

// y = scale * sum_k x[o, k, i];  dx[o, k, i] = scale * dy[o, i]
Var reduced(const char* op, const Var& x, Rows r, real scale, const Shape& shape) {
  const Shape from = x.shape();
  return Var::result(op, sum_rows(x.value(), r, scale, shape), {x},
                     [=](const Tensor& dy) -> Grads { return {repeat_along(dy, r, from, scale)}; });
}

Var reduced_axis(const char* op, const Var& x, int axis, bool keep, bool average) {
  const int at = checked_axis(op, x.shape(), axis);
  const Rows r = rows_along(x.shape(), at);
  MEDUSA_CHECK(!average || r.length > 0, "{}: axis {} of {} is empty", op, at, x.shape());
  Shape shape;
  for (int i = 0; i < x.rank(); ++i)
    if (i != at)
      shape.push_back(x.size(i));
    else if (keep)
      shape.push_back(1);
  if (shape.rank() == 0) shape.push_back(1);
  return reduced(op, x, r, average ? 1 / static_cast<real>(r.length) : real(1), shape);
}

}  // namespace

Tensor sum_to(const Tensor& x, const Shape& shape, real scale) {
  if (x.shape() == shape) return scaled(x, scale);
  MEDUSA_CHECK(x.rank() == shape.rank(), "sum_to: from {} to {}", x.shape(), shape);
  Tensor y = x;
  for (int first = 0; first < shape.rank(); ++first) {  // each run of neighbouring summed axes is one reduction
    if (shape[first] == y.size(first)) continue;
    Rows r{1, 1, 1};
    Shape to = y.shape();
    int last = first;
    for (; last < shape.rank() && shape[last] == 1; ++last) {
      r.length *= y.size(last);
      to[last] = 1;
    }
    for (int i = 0; i < first; ++i) r.outer *= y.size(i);
    for (int i = last; i < shape.rank(); ++i) r.inner *= y.size(i);
    MEDUSA_CHECK(last > first, "sum_to: from {} to {}", x.shape(), shape);
    y = sum_rows(y, r, scale, to);
    scale = 1;
    first = last - 1;
  }
  return y;
}

Tensor repeat_along(const Tensor& x, Rows r, const Shape& shape, real scale) {
  const Tensor from = scaled(x, scale);  // small: scaled before it is repeated
  Tensor y = Tensor::empty(shape, x.device());
  StridedGeometry g;
  g.size[3] = r.outer, g.size[4] = r.length, g.size[5] = r.inner;
  g.stride[3] = r.inner, g.stride[4] = 0, g.stride[5] = 1;
  kernels::strided_copy(x.device(), from.data(), y.mutable_data(), g);
  return y;
}

// dx = dy, repeated
Var sum(const Var& x) { return reduced("sum", x, {1, x.value().numel(), 1}, 1, {1}); }

// dx = dy / n, repeated
Var mean(const Var& x) {
  const std::int64_t n = x.value().numel();
  MEDUSA_CHECK(n > 0, "mean: shape {} has no elements", x.shape());
  return reduced("mean", x, {1, n, 1}, 1 / static_cast<real>(n), {1});
}

Var sum(const Var& x, int axis, bool keep) { return reduced_axis("sum", x, axis, keep, false); }
Var mean(const Var& x, int axis, bool keep) { return reduced_axis("mean", x, axis, keep, true); }

// y = sum_i w_i x_i;  dx_i = w_i dy
Var weighted_sum(const Var& x, const Tensor& w) {
  MEDUSA_CHECK(x.shape() == w.shape(), "weighted_sum: values {} and weights {} differ in shape", x.shape(), w.shape());
  check_one_device("weighted_sum", {x.value(), w});
  const std::int64_t n = w.numel();
  Tensor product = Tensor::empty_like(w);
  BinaryGeometry g;
  g.size[5] = n;
  g.stride_a[5] = g.stride_b[5] = 1;
  kernels::binary(w.device(), BinaryOp::Mul, x.value().data(), w.data(), product.mutable_data(), g);
  return Var::result("weighted_sum", sum_rows(product, {1, n, 1}, 1, {1}), {x}, [w, g](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty_like(w);
    BinaryGeometry repeated = g;
    repeated.stride_b[5] = 0;
    kernels::binary(w.device(), BinaryOp::Mul, w.data(), dy.data(), dx.mutable_data(), repeated);
    return {dx};
  });
}

// y[n, c] = mean over the places s of x[n, s, c];  dx[n, s, c] = dy[n, c] / S
Var global_avg_pool(const Var& x) {
  MEDUSA_CHECK(x.rank() >= 3, "global_avg_pool: expects [N, S.., C], input is {}", x.shape());
  const std::int64_t n = x.size(0), c = x.size(-1);
  Rows r{n, 1, c};
  for (int i = 1; i + 1 < x.rank(); ++i) r.length *= x.size(i);
  MEDUSA_CHECK(r.length > 0, "global_avg_pool: {} has no places to average", x.shape());
  return reduced("global_avg_pool", x, r, 1 / static_cast<real>(r.length), {n, c});
}

}  // namespace medusa

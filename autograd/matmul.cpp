// Matrix products and the linear layer: shape checks, forward, backward.
#include "autograd/flops.h"
#include "autograd/one_device.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

// c = op(a) op(b) for one pair of matrices or a batch of them.
Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  MatmulGeometry g;
  const bool batched = a.rank() == 3;
  g.batch = batched ? a.size(0) : 1;
  g.m = a.size(transpose_a ? -1 : -2);
  g.k = a.size(transpose_a ? -2 : -1);
  g.n = b.size(transpose_b ? -2 : -1);
  g.transpose_a = transpose_a, g.transpose_b = transpose_b;
  g.stride_a = g.m * g.k, g.stride_b = g.k * g.n, g.stride_c = g.m * g.n;
  Tensor c = Tensor::empty(batched ? Shape{g.batch, g.m, g.n} : Shape{g.m, g.n}, a.device());
  count_flops(2 * g.batch * g.m * g.n * g.k);
  kernels::matmul(a.device(), 1, a.data(), b.data(), 0, c.mutable_data(), g);
  return c;
}

}  // namespace

// C = op(A) op(B), op(X) = X or X^T
//   op(A) = A: dA = dC op(B)^T     op(A) = A^T: dA = op(B) dC^T
//   op(B) = B: dB = op(A)^T dC     op(B) = B^T: dB = dC^T op(A)
Var matmul(const Var& a, const Var& b, bool transpose_a, bool transpose_b) {
  MEDUSA_CHECK(a && b, "matmul: {} operand is empty", a ? "the second" : "the first");
  check_one_device("matmul", {a.value(), b.value()});
  MEDUSA_CHECK((a.rank() == 2 || a.rank() == 3) && a.rank() == b.rank(),
               "matmul: expects two matrices [m, k], [k, n] or two batches [B, m, k], [B, k, n], found {} and {}",
               a.shape(), b.shape());
  MEDUSA_CHECK(a.rank() == 2 || a.size(0) == b.size(0), "matmul: batches differ: {} and {}", a.shape(), b.shape());
  MEDUSA_CHECK(a.size(transpose_a ? -2 : -1) == b.size(transpose_b ? -1 : -2),
               "matmul: inner sizes differ: {}{} and {}{}", a.shape(), transpose_a ? " transposed" : "", b.shape(),
               transpose_b ? " transposed" : "");
  const Tensor av = a.value(), bv = b.value();
  const bool need_a = a.requires_grad(), need_b = b.requires_grad();
  return Var::result("matmul", product(av, bv, transpose_a, transpose_b), {a, b}, [=](const Tensor& dc) -> Grads {
    Tensor da, db;
    if (need_a) da = transpose_a ? product(bv, dc, transpose_b, true) : product(dc, bv, false, !transpose_b);
    if (need_b) db = transpose_b ? product(dc, av, true, transpose_a) : product(av, dc, !transpose_a, false);
    return {da, db};
  });
}

// y = x W^T + b over the last axis
//   dx = dy W,   dW = dy^T x,   db = sum over rows of dy
Var linear(const Var& x, const Var& weight, const Var& bias) {
  MEDUSA_CHECK(x && weight, "linear: {} is empty", x ? "the weight" : "the input");
  check_one_device("linear", {x.value(), weight.value(), bias.value()});
  MEDUSA_CHECK(weight.rank() == 2, "linear: expects a weight [out, in], found {}", weight.shape());
  const std::int64_t in = weight.size(1), out = weight.size(0);
  MEDUSA_CHECK(x.rank() >= 1 && x.size(-1) == in, "linear: weight {} expects {} input features, input is {}",
               weight.shape(), in, x.shape());
  MEDUSA_CHECK(!bias || bias.shape() == Shape{out}, "linear: expects a bias of shape [{}], found {}", out,
               bias.shape());
  std::int64_t rows = 1;
  for (int a = 0; a + 1 < x.rank(); ++a) rows *= x.size(a);
  Shape shape = x.shape();
  shape[-1] = out;

  // As matrices: a pointwise convolution would want W transposed, and the product takes the bias as C.
  const Tensor xv = x.value(), wv = weight.value();
  Tensor y = Tensor::empty(shape, x.device());
  if (bias) {
    StridedGeometry repeat;
    repeat.size[4] = rows, repeat.size[5] = out, repeat.stride[5] = 1;
    kernels::strided_copy(x.device(), bias.value().data(), y.mutable_data(), repeat);
  }
  MatmulGeometry g;
  g.m = rows, g.n = out, g.k = in, g.transpose_b = true;
  count_flops(2 * rows * out * in);
  kernels::matmul(x.device(), 1, xv.data(), wv.data(), bias ? 1 : 0, y.mutable_data(), g);

  const bool need_x = x.requires_grad(), need_w = weight.requires_grad(), need_b = bias.requires_grad();
  std::vector<Var> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return Var::result("linear", y, inputs, [=, has_bias = static_cast<bool>(bias)](const Tensor& dy) -> Grads {
    Tensor dx, db;
    if (need_x) dx = product(dy.reshape(Shape{rows, out}), wv, false, false).reshape(xv.shape());
    Tensor dw = need_w ? product(dy.reshape(Shape{rows, out}), xv.reshape(Shape{rows, in}), true, false) : Tensor();
    if (!has_bias) return {dx, dw};
    if (need_b) {
      db = Tensor::empty(Shape{out}, dy.device());
      kernels::sum(dy.device(), dy.data(), 1, db.mutable_data(), Rows{1, rows, out});
    }
    return {dx, dw, db};
  });
}

}  // namespace medusa

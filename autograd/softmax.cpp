// Softmax, and attention made of two products and a softmax.
#include "autograd/axis.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

// y_k = e^x_k / sum_j e^x_j;  dx_k = y_k (dy_k - sum_j dy_j y_j)
Var softmax(const Var& x, int axis) {
  const Rows r = rows_along(x.shape(), checked_axis("softmax", x.shape(), axis));
  Tensor y = Tensor::empty_like(x.value());
  kernels::softmax(x.device(), x.value().data(), y.mutable_data(), r);
  return Var::result("softmax", y, {x}, [y, r](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty_like(dy);
    kernels::softmax_backward(dy.device(), y.data(), dy.data(), dx.mutable_data(), r);
    return {dx};
  });
}

// softmax(q k^T scale) v, the softmax over the keys; the scale is applied to q, which is smaller than q k^T.
Var attention(const Var& q, const Var& k, const Var& v, real scale) {
  MEDUSA_CHECK(q.rank() == 3 && k.rank() == 3 && v.rank() == 3 && q.size(0) == k.size(0) && k.size(0) == v.size(0) &&
                   q.size(2) == k.size(2) && k.size(1) == v.size(1),
               "attention: expects q [B, n, d], k [B, m, d], v [B, m, e], shapes are {}, {}, {}", q.shape(), k.shape(),
               v.shape());
  return matmul(softmax(matmul(mul(q, scale), k, false, true)), v);
}

}  // namespace medusa

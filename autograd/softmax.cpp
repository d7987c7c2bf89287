// Softmax, and attention made of two products and a softmax.
#include <algorithm>

#include "autograd/axis.h"
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

constexpr std::int64_t kMostScores = std::int64_t{1} << 20;  // held at once, 4 MB in float

// The scale is applied to q, which is smaller than q k^T.
Var attend(const Var& q, const Var& k, const Var& v, real scale) {
  return matmul(softmax(matmul(mul(q, scale), k, false, true)), v);
}

}  // namespace

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

// softmax(q k^T scale) v, the softmax over the keys.  A query's answer needs its own row of scores alone: where all
// n x m of them are many, blocks of queries are answered one after the other, and each block's scores are recomputed in
// the backward pass.  (Rabe, Staats, "Self-attention does not need O(n^2) memory", arXiv 2112.05682.)
Var attention(const Var& q, const Var& k, const Var& v, real scale) {
  MEDUSA_CHECK(q.rank() == 3 && k.rank() == 3 && v.rank() == 3 && q.size(0) == k.size(0) && k.size(0) == v.size(0) &&
                   q.size(2) == k.size(2) && k.size(1) == v.size(1),
               "attention: expects q [B, n, d], k [B, m, d], v [B, m, e], shapes are {}, {}, {}", q.shape(), k.shape(),
               v.shape());
  const std::int64_t n = q.size(1), per_row = q.size(0) * k.size(1);
  if (n * per_row <= kMostScores) return attend(q, k, v, scale);
  const std::int64_t rows = std::max<std::int64_t>(kMostScores / per_row, 1);
  std::vector<Var> answers;
  for (std::int64_t first = 0; first < n; first += rows)
    answers.push_back(checkpoint([scale](const std::vector<Var>& x) { return attend(x[0], x[1], x[2], scale); },
                                 {slice(q, 1, first, std::min(rows, n - first)), k, v}));
  return concat(answers, 1);
}

}  // namespace medusa

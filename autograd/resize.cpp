// Resizing of images and volumes, nearest and linear.
#include <fmt/ranges.h>

#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

// y[o] = sum_i w(o, i) x[i];  dx[i] = sum_o w(o, i) dy[o]
Var resize(const Var& x, const std::vector<std::int64_t>& size, bool linear) {
  const int axes = static_cast<int>(size.size());
  MEDUSA_CHECK((axes == 2 || axes == 3) && x.rank() == axes + 2,
               "resize: expects [N, H, W, C] and 2 sizes or [N, D, H, W, C] and 3, input is {}, sizes are [{}]",
               x.shape(), fmt::join(size, ", "));
  ResizeGeometry g;
  g.n = x.size(0);
  g.c = x.size(-1);
  g.linear = linear;
  Shape shape = x.shape();
  for (int i = 0; i < axes; ++i) {
    g.in[3 - axes + i] = x.size(1 + i);
    g.out[3 - axes + i] = shape[1 + i] = size[static_cast<std::size_t>(i)];
    MEDUSA_CHECK(x.size(1 + i) >= 1 && shape[1 + i] >= 1,
                 "resize: sizes must be at least 1, input is {}, sizes are [{}]", x.shape(), fmt::join(size, ", "));
  }
  Tensor y = Tensor::empty(shape, x.device());
  kernels::resize(x.device(), x.value().data(), y.mutable_data(), g);
  const Shape from = x.shape();
  return Var::result("resize", y, {x}, [g, from](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(from, dy.device());
    kernels::resize_backward(dy.device(), dy.data(), dx.mutable_data(), g);
    return {dx};
  });
}

}  // namespace medusa

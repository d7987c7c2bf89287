// Pooling over windows.  The part of a window outside the input does not count.
#include "autograd/ops.h"
#include "tensor/kernels.h"

namespace medusa {

namespace {

constexpr const char* kAxes[3] = {"depth", "height", "width"};

PoolGeometry geometry(const char* op, const Var& x, const PoolOptions& options) {
  MEDUSA_CHECK(x && (x.rank() == 4 || x.rank() == 5), "{}: expects [N, H, W, C] or [N, D, H, W, C], input is {}", op,
               x.shape());
  PoolGeometry g;
  g.n = x.size(0);
  g.c = x.size(-1);
  for (int a = x.rank() == 5 ? 0 : 1; a < 3; ++a) {
    const std::int64_t kernel = options.kernel[a], stride = options.stride[a], pad = options.pad[a], in = x.size(a - 4);
    MEDUSA_CHECK(kernel >= 1 && stride >= 1, "{}: {} has window {} and stride {}, expected 1 or more", op, kAxes[a],
                 kernel, stride);
    MEDUSA_CHECK(pad >= 0 && pad <= kernel / 2, "{}: {} has padding {}, a window of {} allows 0..{}", op, kAxes[a], pad,
                 kernel, kernel / 2);
    MEDUSA_CHECK(in + 2 * pad >= kernel, "{}: a window of {} with padding {} does not fit {} {} of input {}", op,
                 kernel, pad, kAxes[a], in, x.shape());
    g.in[a] = in;
    g.kernel[a] = kernel;
    g.stride[a] = stride;
    g.pad[a] = pad;
    g.out[a] = (in + 2 * pad - kernel) / stride + 1;
  }
  return g;
}

Shape out_shape(const Var& x, const PoolGeometry& g) {
  Shape shape = x.shape();
  for (int a = x.rank() == 5 ? 0 : 1; a < 3; ++a) shape[a - 4] = g.out[a];
  return shape;
}

}  // namespace

PoolOptions PoolOptions::window(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  return {{kernel, kernel, kernel}, {stride, stride, stride}, {pad, pad, pad}};
}

// y_o = max over the window of x;  dx_i = sum of dy_o over the windows whose first maximum is i
Var max_pool(const Var& x, const PoolOptions& options) {
  const PoolGeometry g = geometry("max_pool", x, options);
  const Device device = x.device();
  Tensor y = Tensor::empty(out_shape(x, g), device);
  // 32-bit indices, kept in a tensor's memory: as many bytes for float, half of them used for double.
  static_assert(sizeof(real) >= sizeof(std::int32_t));
  Tensor index = Tensor::empty_like(y);
  kernels::max_pool(device, x.value().data(), y.mutable_data(), reinterpret_cast<std::int32_t*>(index.mutable_data()),
                    g);
  return Var::result("max_pool", y, {x}, [=, shape = x.shape()](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(shape, device);
    kernels::max_pool_backward(device, dy.data(), reinterpret_cast<const std::int32_t*>(index.data()),
                               dx.mutable_data(), g);
    return {dx};
  });
}

// y_o = mean over the window of x;  dx_i = sum of dy_o / size_o over the windows that contain i
Var avg_pool(const Var& x, const PoolOptions& options) {
  const PoolGeometry g = geometry("avg_pool", x, options);
  const Device device = x.device();
  Tensor y = Tensor::empty(out_shape(x, g), device);
  kernels::avg_pool(device, x.value().data(), y.mutable_data(), g);
  return Var::result("avg_pool", y, {x}, [=, shape = x.shape()](const Tensor& dy) -> Grads {
    Tensor dx = Tensor::empty(shape, device);
    kernels::avg_pool_backward(device, dy.data(), dx.mutable_data(), g);
    return {dx};
  });
}

}  // namespace medusa

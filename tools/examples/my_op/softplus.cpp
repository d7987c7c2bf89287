#include "softplus.h"

#include "mtl/medusa.h"
#include "softplus_math.h"
#include "tensor/kernels.h"
#if defined(MEDUSA_HAVE_CUDA)  // medusa::medusa says so
#include "cuda/runtime.h"
#endif

namespace my {

using namespace medusa;

namespace cpu {

constexpr std::int64_t kGrain = 1 << 14;  // elements per piece; the pieces go to all threads

void softplus(const real* x, real* y, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = Softplus::f(x[i]);
  });
}

void softplus_backward(const real* x, const real* dy, real* dx, std::int64_t n) {
  parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) dx[i] = dy[i] * Softplus::df(x[i]);
  });
}

}  // namespace cpu

// Which version is called depends on where the numbers are; null: there is none, and the call throws.
#if defined(MEDUSA_HAVE_CUDA)
#define CUDA_SIDE(name) &cuda::name
#else
#define CUDA_SIDE(name) nullptr
#endif
constexpr Kernel<void(const real*, real*, std::int64_t)> forward_kernel{"softplus", &cpu::softplus,
                                                                        CUDA_SIDE(softplus)};
constexpr Kernel<void(const real*, const real*, real*, std::int64_t)> backward_kernel{
    "softplus_backward", &cpu::softplus_backward, CUDA_SIDE(softplus_backward)};

// y = log(1 + e^x);  dx = dy / (1 + e^-x)
Var softplus(const Var& x) {
  Tensor y = Tensor::empty_like(x.value());
  forward_kernel(x.device(), x.value().data(), y.mutable_data(), y.numel());
  return Var::result("softplus", y, {x}, [x = x.saved()](const Tensor& dy) -> Grads {
    const Tensor value = x.get();
    Tensor dx = Tensor::empty_like(dy);
    backward_kernel(dy.device(), value.data(), dy.data(), dx.mutable_data(), dx.numel());
    return {dx};
  });
}

}  // namespace my

// Its witnesses: known values, the gradient check, and the GPU's answers beside the CPU's.
int main() {
  using namespace medusa;
  Random random(1);
  std::vector<real> values;
  for (int i = 0; i < 1000; ++i) values.push_back(static_cast<real>(3 * random.normal()));
  const Tensor x = Tensor::from(values, {10, 100});

  const std::vector<real> y = my::softplus(Tensor::from({-100, 0, 100}, {3})).value().to_vector();
  MEDUSA_CHECK(y[0] < 1e-30 && std::fabs(y[1] - std::log(real(2))) < 1e-6 && y[2] == 100, "softplus: {}",
               fmt::join(y, " "));
  check_gradients("softplus", [](const std::vector<Var>& v) { return my::softplus(v[0]); }, {x});
  fmt::print("softplus: values and gradients are right\n");

#if defined(MEDUSA_HAVE_CUDA)
  if (cuda::device_count() == 0) return 0;
  const std::vector<real> here = my::softplus(x).value().to_vector();
  const std::vector<real> there = my::softplus(x.to(Device::CUDA)).value().to_vector();
  for (std::size_t i = 0; i < here.size(); ++i)
    MEDUSA_CHECK(std::fabs(here[i] - there[i]) < 1e-5, "softplus: {} on the CPU, {} on the GPU", here[i], there[i]);
  check_gradients("softplus (cuda)", [](const std::vector<Var>& v) { return my::softplus(v[0]); },
                  {x.to(Device::CUDA)});
  fmt::print("softplus: the GPU agrees\n");
#endif
}

// For tests that compare the two devices by hand: the orders in which the simulated device runs, and agree().
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cuda/runtime.h"
#include "cuda/sim/sim.h"
#include "tensor/tensor.h"
#include "tests/op_case.h"

#if defined(MEDUSA_HAVE_CUDA)

namespace medusa::test {

inline constexpr double kAgreement = sizeof(real) == 8 ? 1e-12 : 1e-5;

inline bool no_device() { return cuda::device_count() == 0; }

// On the simulated device order 0 is in order, the others are random.  In the last one, on a GPU too, launches have one
// block, so that each thread takes several elements.  Every order but the first also forces another variant of the
// kernels: 64-bit indices, numbers read one by one, both.
#if defined(MEDUSA_SIM)
inline constexpr int kOrders = 4;
#else
inline constexpr int kOrders = 2;
#endif
inline void set_order(int order) {
#if defined(MEDUSA_SIM)
  sim::set_order(static_cast<std::uint64_t>(order), order == 0 ? sim::Streams::Lazy : sim::Streams::Random);
#endif
  const bool last = order + 1 == kOrders;
  cuda::limit_blocks(last ? 1 : 0);
  cuda::force_variants({order == 1 || last, order == 2 || last});
}

// The largest difference, relative to the largest value of `want`; NaN equals NaN.
inline double difference(const Tensor& got, const Tensor& want) {
  REQUIRE(to_string(got.shape()) == to_string(want.shape()));
  const std::vector<real> g = got.to_vector(), w = want.to_vector();
  double scale = 1e-3, worst = 0;
  for (real v : w) scale = std::fmax(scale, std::fabs(static_cast<double>(v)));
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (std::isnan(g[i]) && std::isnan(w[i])) continue;
    const double d = std::fabs(static_cast<double>(g[i]) - static_cast<double>(w[i]));
    if (!(d <= worst)) worst = d;
  }
  return worst / scale;
}

// Runs f(device, inputs on the device) on both devices and compares what it returns; on the GPU in every order, each
// with the same bits.
template <class F>
void agree(const std::string& name, const std::vector<Tensor>& inputs, const F& f, double tolerance = kAgreement) {
  const std::vector<Tensor> want = f(Device::CPU, inputs);
  std::vector<Tensor> first;
  for (int order = 0; order < kOrders; ++order) {
    set_order(order);
    std::vector<Tensor> there;
    for (const Tensor& t : inputs) there.push_back(t.to(Device::CUDA));
    const std::vector<Tensor> got = f(Device::CUDA, there);
    if (order == 0) first = got;
    for (std::size_t i = 0; i < want.size(); ++i) {
      CHECK_MESSAGE(difference(got[i], want[i]) <= tolerance, name << ": result " << i << ", order " << order);
      CHECK_MESSAGE(same_bits(got[i].to(Device::CPU), first[i].to(Device::CPU)),
                    name << ": result " << i << ", order " << order << ": other bits");
    }
  }
  set_order(0);
}

// Values of the standard normal distribution.
inline Tensor values(const Shape& shape, std::uint64_t stream = 1) { return draw(normal(shape), stream); }

}  // namespace medusa::test

#endif

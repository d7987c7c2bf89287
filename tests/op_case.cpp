#include "tests/op_case.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

#include "autograd/gradcheck.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/device_case.h"

namespace medusa::test {

namespace {

using reference::Array;

constexpr bool kDouble = sizeof(real) == 8;
// Largest error allowed relative to the largest value.  Central differences in double with step 1e-5 are good to 1e-9.
constexpr double kValueTolerance = kDouble ? 1e-11 : 2e-5;
constexpr double kGradTolerance = kDouble ? 1e-6 : 2e-4;
constexpr double kStep = 1e-5;

struct Outcome {
  Tensor value;
  std::vector<Tensor> grads;
};

Outcome run(const std::vector<Tensor>& values, const std::vector<Input>& inputs, const Op& op, const Tensor& weights) {
  std::vector<Var> vars;
  for (std::size_t i = 0; i < values.size(); ++i) vars.emplace_back(values[i], inputs[i].requires_grad);
  seed_ops(7);
  Var y = op(vars);
  Outcome outcome{y.value().clone(), {}};
  if (y.requires_grad()) y.backward(weights);
  for (const Var& x : vars) outcome.grads.push_back(x.grad());
  return outcome;
}

double largest(const std::vector<double>& v) {
  double m = 0;
  for (double x : v) m = std::fmax(m, std::fabs(x));
  return m;
}

void compare(const std::string& what, const Tensor& got, const Array& want, double tolerance) {
  REQUIRE_MESSAGE(got, what << ": nothing there");
  REQUIRE_MESSAGE(to_string(got.shape()) == to_string(want.shape), what << ": shape");
  const double scale = std::fmax(largest(want.v), 1e-3);
  double worst = 0;
  std::int64_t where = 0;
  for (std::int64_t i = 0; i < got.numel(); ++i) {
    const double error = std::fabs(static_cast<double>(got.data()[i]) - want[i]) / scale;
    if (!(error <= worst)) {
      worst = error;
      where = i;
    }
    if (std::isnan(error)) break;
  }
  CHECK_MESSAGE(worst <= tolerance, what << ": element " << where << " is " << (got.numel() ? got.data()[where] : 0)
                                         << ", expected " << (got.numel() ? want[where] : 0) << " (error " << worst
                                         << ")");
}

// d(sum w y)/dx by central differences of the reference.
Array numeric_gradient(std::vector<Array> arrays, std::size_t i, const Reference& reference, const Array& weights) {
  auto loss = [&] {
    const Array y = reference(arrays);
    double s = 0;
    for (std::int64_t k = 0; k < y.shape.numel(); ++k) s += weights[k] * y[k];
    return s;
  };
  Array gradient(arrays[i].shape);
  gradient.v = central_differences(arrays[i].v, loss, kStep);
  return gradient;
}

#if defined(MEDUSA_HAVE_CUDA)
Outcome run_on_gpu(const std::vector<Tensor>& values, const std::vector<Input>& inputs, const Op& op,
                   const Tensor& weights) {
  std::vector<Tensor> there;
  for (const Tensor& t : values) there.push_back(t.to(Device::CUDA));
  Outcome outcome = run(there, inputs, op, weights.to(Device::CUDA));
  outcome.value = outcome.value.to(Device::CPU);
  for (Tensor& g : outcome.grads) g = g.to(Device::CPU);
  return outcome;
}

void compare_devices(const std::string& where, const Outcome& gpu, const Outcome& cpu) {
  compare(where + ": value", gpu.value, Array(cpu.value), kAgreement);
  for (std::size_t i = 0; i < cpu.grads.size(); ++i)
    if (cpu.grads[i]) compare(where + ": gradient " + std::to_string(i), gpu.grads[i], Array(cpu.grads[i]), kAgreement);
}

// In every order, with the same bits.
void check_gpu(const std::string& name, const std::vector<Tensor>& values, const std::vector<Input>& inputs,
               const Op& op, const Tensor& weights) {
  if (cuda::device_count() == 0) return;
  const Outcome cpu = run(values, inputs, op, weights);
  Outcome first;
  for (int order = 0; order < kOrders; ++order) {
    set_order(order);
    const std::string where = name + " (cuda, order " + std::to_string(order) + ")";
    const Outcome gpu = run_on_gpu(values, inputs, op, weights);
    if (order == 0) first = gpu;
    compare_devices(where, gpu, cpu);
    CHECK_MESSAGE(same_bits(gpu.value, first.value), where << ": other bits");
    for (std::size_t i = 0; i < gpu.grads.size(); ++i)
      if (gpu.grads[i]) CHECK_MESSAGE(same_bits(gpu.grads[i], first.grads[i]), where << ": other bits: gradient " << i);
  }
  set_order(0);
}
#endif

}  // namespace

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() &&
         (a.numel() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.bytes())) == 0);
}

bool parity_only() {
  static const bool only = std::getenv("MEDUSA_PARITY") != nullptr;
  return only;
}

Tensor draw(const Input& input, std::uint64_t stream) {
  Tensor t = Tensor::empty(input.shape);
  real* p = t.mutable_data();
  Random random(1, stream);
  std::vector<std::int64_t> order(static_cast<std::size_t>(t.numel()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  if (input.kind == Input::Kind::Distinct) random.shuffle(order);
  for (std::int64_t i = 0; i < t.numel(); ++i) {
    double x = 0;
    switch (input.kind) {
      case Input::Kind::Normal:  // away from 0, where relu and abs have no derivative
        x = random.normal();
        if (std::fabs(x) < 1e-3) x = 1e-3;
        break;
      case Input::Kind::Positive: x = random.uniform(0.5, 1.5); break;
      case Input::Kind::Uniform: x = random.uniform(); break;
      case Input::Kind::Labels: x = static_cast<double>(random.below(input.classes)); break;
      case Input::Kind::Binary: x = random.chance(0.4) ? 1 : 0; break;
      case Input::Kind::Distinct:
        x = 0.01 * static_cast<double>(order[static_cast<std::size_t>(i)] - t.numel() / 2) + 0.003;
        break;
    }
    p[i] = static_cast<real>(x);
  }
  return t;
}

void check_op(const std::string& name, const std::vector<Input>& inputs, const Op& op, const Reference& reference) {
  std::vector<Tensor> values;
  std::vector<Array> arrays;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values.push_back(draw(inputs[i], stream_of(name) + i));
    arrays.emplace_back(values.back());
  }
  const Array want = reference(arrays);
  const Tensor weights = draw(normal(want.shape), stream_of(name + "/weights"));
#if defined(MEDUSA_HAVE_CUDA)
  check_gpu(name, values, inputs, op, weights);
#endif
  if (parity_only()) return;
  const Array weight_array(weights);
  std::vector<Array> want_grads(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].requires_grad && kLoopNests) want_grads[i] = numeric_gradient(arrays, i, reference, weight_array);

  const Isa before = isa();
  const int threads_before = threads();
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    const std::string where = name + " (" + medusa::name(set) + ")";
    set_threads(1);
    const Outcome one = run(values, inputs, op, weights);
    if (kLoopNests) compare(where + ": value", one.value, want, kValueTolerance);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].requires_grad && kLoopNests)
        compare(where + ": gradient " + std::to_string(i), one.grads[i], want_grads[i], kGradTolerance);
    for (int n : {2, 3}) {
      set_threads(n);
      const Outcome more = run(values, inputs, op, weights);
      CHECK_MESSAGE(same_bits(one.value, more.value), where << ": other bits with " << n << " threads");
      for (std::size_t i = 0; i < inputs.size(); ++i)
        if (inputs[i].requires_grad)
          CHECK_MESSAGE(same_bits(one.grads[i], more.grads[i]),
                        where << ": gradient " << i << ": other bits with " << n << " threads");
    }
  }
  set_isa(before);
  set_threads(threads_before);
}

}  // namespace medusa::test

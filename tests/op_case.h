// One row = one op on given inputs.  For each row the runner checks, on every instruction set this machine has:
//   1. the forward value against the plain loop nest of reference.h;
//   2. the gradient against central differences of that loop nest, in double (in a float build too);
//   3. the same bits for 1, 2 and 3 threads;
//   4. CUDA against CPU, where a CUDA backend is built in.
// The loss is always a randomly weighted sum: softmax sums to a constant, so a plain sum would have gradient 0 and
// prove nothing.  Agreement with PyTorch is checked from outside, by replaying its cases with tools/replay.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "tests/reference.h"

namespace medusa::test {

// An input of a case: values are drawn from a stream that depends on the case's name and the input's place.
struct Input {
  enum class Kind { Normal, Positive, Uniform, Labels, Binary, Distinct };
  Shape shape;
  Kind kind = Kind::Normal;
  bool requires_grad = true;
  std::int64_t classes = 2;  // Labels: whole numbers in 0..classes-1
};
inline Input normal(Shape shape) { return {shape, Input::Kind::Normal, true, 2}; }
inline Input positive(Shape shape) { return {shape, Input::Kind::Positive, true, 2}; }  // in [0.5, 1.5)
inline Input distinct(Shape shape) {
  return {shape, Input::Kind::Distinct, true, 2};
}  // no two closer than 0.01: for maxima
inline Input constant(Shape shape) { return {shape, Input::Kind::Normal, false, 2}; }
inline Input positive_constant(Shape shape) { return {shape, Input::Kind::Positive, false, 2}; }
inline Input labels(Shape shape, std::int64_t classes) { return {shape, Input::Kind::Labels, false, classes}; }
inline Input binary(Shape shape) { return {shape, Input::Kind::Binary, false, 2}; }

using Op = std::function<Var(const std::vector<Var>&)>;
using Reference = std::function<reference::Array(const std::vector<reference::Array>&)>;

// Values and gradients are compared with the loop nests in every build but the thread sanitizer's, which only looks for
// data races, and where the single-threaded nests would take most of the time.
#if defined(__SANITIZE_THREAD__)
constexpr bool kLoopNests = false;
#else
constexpr bool kLoopNests = true;
#endif
// MEDUSA_PARITY=only: only the comparison of devices, for the many builds of the simulated one.
bool parity_only();

Tensor draw(const Input& input, std::uint64_t stream);

// Whether two tensors in the host's memory have the same shape and the same bits.
bool same_bits(const Tensor& a, const Tensor& b);

// Runs all checks of a row; failures are reported through doctest under the row's name.
void check_op(const std::string& name, const std::vector<Input>& inputs, const Op& op, const Reference& reference);

}  // namespace medusa::test

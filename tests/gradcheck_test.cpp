// The gradient check itself: right gradients pass, wrong ones do not.
#include "autograd/gradcheck.h"

#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "tests/message.h"
#include "tests/op_case.h"

using namespace medusa;
using namespace medusa::test;
using Vars = std::vector<Var>;

namespace {

// x^2 whose backward pass says `factor` x dy; right with 2
Var square_with(const Var& x, real factor) {
  return Var::result("square_with", square(x).value(), {x}, [saved = x.saved(), factor](const Tensor& dy) -> Grads {
    return {(factor * Var(saved.get()) * Var(dy)).value()};
  });
}

}  // namespace

TEST_CASE("gradcheck: right gradients pass") {
  const Tensor a = draw(normal({2, 3}), 1), b = draw(positive({1, 3}), 2);
  check_gradients("product", [](const Vars& x) { return x[0] * x[1]; }, {a, b});
  check_gradients("softmax", [](const Vars& x) { return softmax(x[0], -1); }, {a});
  check_gradients("dropout", [](const Vars& x) { return dropout(x[0], real(0.5)); }, {a});
  check_gradients("square", [](const Vars& x) { return square_with(x[0], 2); }, {a});
}

TEST_CASE("gradcheck: wrong gradients are found, and where") {
  const Tensor x = draw(positive({2, 3}), 1);
  const auto check = [&](real factor) {
    check_gradients("square", [&](const Vars& v) { return square_with(v[0], factor); }, {x});
  };
  CHECK(message_of([&] { check(1); }).find("square: the gradient of input 0 is ") == 0);
  CHECK(message_of([&] { check(real(2.1)); }).find("central differences say") != std::string::npos);
}

// The autograd engine: graphs, accumulation, recomputation, errors, depth.
#include "autograd/var.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "autograd/ops.h"
#include "tensor/memory.h"
#include "tests/op_case.h"

using namespace medusa;
using medusa::test::draw;
using medusa::test::normal;

namespace {

Var leaf(std::vector<real> values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return Var(Tensor::from(values, shape), true);
}

std::vector<real> grad(const Var& x) { return x.grad().to_vector(); }

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// y = 0 + x + x + ... : `depth` ops, one on top of the other.
Var tower(const Var& x, int depth) {
  Var y = x;
  for (int i = 0; i < depth; ++i) y = y + 1;
  return y;
}

}  // namespace

TEST_CASE("var: an input used twice gets both gradients") {
  const Var x = leaf({2, 3});
  sum(x * x + x).backward();
  CHECK(grad(x) == std::vector<real>{5, 7});  // 2 x + 1
  const Var y = leaf({2});
  (y + y).backward();  // both gradients are the same tensor
  CHECK(grad(y) == std::vector<real>{2});
}

TEST_CASE("var: diamonds: a value with several users runs backward once, after all of them") {
  const Var x = leaf({3});
  int runs = 0;
  const Var h = Var::result("counted", x.value().clone(), {x}, [&runs](const Tensor& dy) -> Grads {
    ++runs;
    return {dy};
  });
  const Var left = h * 2, right = square(h), far = square(left);
  (left + right + far * h).backward();  // 2 h + h^2 + 4 h^3
  CHECK(runs == 1);
  CHECK(grad(x) == std::vector<real>{2 + 6 + 108});
}

TEST_CASE("var: gradients add up over several backward passes until they are cleared") {
  Var x = leaf({1, 2});
  sum(x * 3).backward();
  sum(square(x)).backward();
  sum(x).backward();
  CHECK(grad(x) == std::vector<real>{3 + 2 + 1, 3 + 4 + 1});
  x.zero_grad();
  CHECK_FALSE(static_cast<bool>(x.grad()));
  sum(x).backward();
  CHECK(grad(x) == std::vector<real>{1, 1});
}

TEST_CASE("var: adding to a gradient never writes to another's memory") {
  const Var a = leaf({1, 2}), b = leaf({3, 4});
  const Tensor seed = Tensor::ones({2});
  (a + b).backward(seed);  // the seed is the gradient of both
  (a * 2).backward(seed);
  (a * 2).backward(seed);
  CHECK(grad(a) == std::vector<real>{5, 5});
  CHECK(grad(b) == std::vector<real>{1, 1});
  CHECK(seed.to_vector() == std::vector<real>{1, 1});
}

TEST_CASE("var: a kept graph is walked again, from other values too, with the same gradients as apart") {
  const Var x = leaf({2, 3});
  const Var shared = x * x, one = sum(shared * 2), two = sum(shared * shared);
  one.backward(Var::Graph::Keep);
  CHECK(grad(x) == std::vector<real>{8, 12});  // 4 x
  x.node()->grad = {};
  one.backward(Var::Graph::Keep);
  CHECK(grad(x) == std::vector<real>{8, 12});
  x.node()->grad = {};
  two.backward();
  CHECK(grad(x) == std::vector<real>{32, 108});  // 4 x^3
  CHECK_THROWS_WITH_AS(one.backward(), doctest::Contains("already walked and freed"), Error);
}

TEST_CASE("var: a seed weights the outputs") {
  const Var x = leaf({1, 2, 3});
  square(x).backward(Tensor::from({1, 0, -1}, {3}));
  CHECK(grad(x) == std::vector<real>{2, 0, -6});
  const Var y = leaf({5});
  y.backward();  // a leaf by itself
  CHECK(grad(y) == std::vector<real>{1});
}

TEST_CASE("var: only what needs a gradient gets one") {
  const Var x = leaf({2}), c(Tensor::scalar(5));
  (x * c).backward();
  CHECK(grad(x) == std::vector<real>{5});
  CHECK_FALSE(c.requires_grad());
  CHECK_FALSE(static_cast<bool>(c.grad()));
  CHECK_FALSE((c * 2).requires_grad());
}

TEST_CASE("var: NoGrad records nothing, EnableGrad inside it does") {
  const Var x = leaf({2});
  CHECK(grad_enabled());
  {
    NoGrad no_grad;
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE(square(x).requires_grad());
    {
      EnableGrad enable;
      CHECK(square(x).requires_grad());
    }
    CHECK_FALSE(grad_enabled());
  }
  CHECK(grad_enabled());
  CHECK(square(x).requires_grad());
}

TEST_CASE("var: detach cuts the graph") {
  const Var x = leaf({3});
  const Var h = square(x), cut = h.detach();
  CHECK(cut.value().shares_memory_with(h.value()));
  CHECK_FALSE(cut.requires_grad());
  (h * cut).backward();
  CHECK(grad(x) == std::vector<real>{54});  // 9 * 2 x, nothing through the cut side
}

TEST_CASE("var: activations are given back as soon as the backward pass has used them") {
  const Var x(draw(normal({1 << 16}), 1), true);
  const std::int64_t before = memory_stats().in_use;
  {
    Var y = x;
    for (int i = 0; i < 10; ++i) y = tanh(y);
    y = sum(y);
    CHECK(memory_stats().in_use - before >= 10 * x.value().bytes());
    y.backward();
    CHECK(memory_stats().in_use - before < 2 * x.value().bytes());  // x's gradient
  }
}

TEST_CASE("checkpoint: the same values, gradients and dropout masks, less memory") {
  const Tensor start = draw(normal({1 << 15}), 2), scale = draw(normal({1 << 15}), 3);
  struct Run {
    std::vector<real> value, dx, dw, next_mask;
    std::int64_t peak;
  };
  auto run = [&](bool recompute) {
    const Var x(start.clone(), true), w(scale.clone(), true);
    auto segment = [&w](const std::vector<Var>& in) {  // w is a parameter: used inside, not handed in
      CHECK(in.size() == 1);
      Var y = in[0] * w;
      for (int i = 0; i < 6; ++i) y = tanh(y) + sigmoid(y);
      return dropout(y, 0.5f);
    };
    seed_ops(11);
    reset_peak_memory();
    const std::int64_t before = memory_stats().in_use;
    Var y = x;
    for (int i = 0; i < 4; ++i) y = recompute ? checkpoint(segment, {y}) : segment({y});
    const std::vector<real> value = y.value().to_vector();
    sum(square(y)).backward();
    const std::int64_t peak = memory_stats().peak - before;
    return Run{value, grad(x), grad(w), dropout(Var(Tensor::ones({64})), 0.5f).value().to_vector(), peak};
  };
  const Run plain = run(false), again = run(true);
  CHECK(plain.value == again.value);
  CHECK(plain.dx == again.dx);
  CHECK(plain.dw == again.dw);
  CHECK(plain.next_mask == again.next_mask);  // the random stream stands where it would have
  CHECK(again.peak < plain.peak / 2);
}

TEST_CASE("checkpoint: constants, parameters alone, several inputs, identity, NoGrad") {
  const Var x = leaf({2, 3}), w = leaf({5, 7}), c(Tensor::from({1, 2}, {2}));
  auto scaled = [&](const std::vector<Var>& in) { return in[0] * w; };
  sum(checkpoint(scaled, {c})).backward();  // only w needs a gradient
  CHECK(grad(w) == std::vector<real>{1, 2});
  sum(checkpoint([](const std::vector<Var>& in) { return in[0] * in[1] * in[1]; }, {x, c})).backward();
  CHECK(grad(x) == std::vector<real>{1, 4});
  sum(checkpoint([](const std::vector<Var>& in) { return in[0]; }, {x})).backward();
  CHECK(grad(x) == std::vector<real>{2, 5});
  bool recomputed = false;
  const Var y = checkpoint(
      [&](const std::vector<Var>& in) {
        recomputed = recomputing();
        return square(in[0]);
      },
      {x});
  CHECK_FALSE(recomputed);
  sum(y).backward();
  CHECK(recomputed);
  CHECK_FALSE(recomputing());
  NoGrad no_grad;
  CHECK_FALSE(checkpoint(scaled, {x}).requires_grad());
}

TEST_CASE("checkpoint: inside a checkpoint") {
  const Tensor start = draw(normal({100}), 5);
  auto inner = [](const std::vector<Var>& in) { return dropout(tanh(in[0]), 0.25f); };
  auto run = [&](bool nested) {
    const Var x(start.clone(), true);
    seed_ops(3);
    const Var y = nested ? checkpoint([&](const std::vector<Var>& in) { return square(checkpoint(inner, in)); }, {x})
                         : square(inner({x}));
    sum(y).backward();
    return grad(x);
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("var: errors of a backward pass") {
  const Var x = leaf({1, 2});
  const Var y = sum(square(x));
  y.backward();
  CHECK_THROWS_WITH_AS(y.backward(), "backward: this graph was already walked and freed; compute the loss again",
                       Error);
  CHECK(grad(x) == std::vector<real>{2, 4});
  CHECK_THROWS_WITH_AS(square(x).backward(),
                       "backward: the loss must be a scalar, its shape is [2]; reduce it with sum or mean", Error);
  CHECK_THROWS_WITH_AS(square(x).backward(Tensor::ones({3})), "backward: the seed has shape [3], the value [2]", Error);
  CHECK_THROWS_WITH_AS(Var().backward(), "backward: this Var is empty", Error);
  const char* nothing = "backward: nothing here needs a gradient (built under NoGrad, or from constants only)";
  CHECK_THROWS_WITH_AS(sum(Var(Tensor::ones({2}))).backward(), nothing, Error);
  CHECK_THROWS_WITH_AS(
      [&] {
        NoGrad no_grad;
        sum(x).backward();
      }(),
      nothing, Error);
  CHECK_THROWS_WITH_AS(Var(Tensor::ones({2})).set_grad(Tensor::ones({2})), "set_grad: this value needs no gradient",
                       Error);
  Var z = x;
  CHECK_THROWS_WITH_AS(z.set_grad(Tensor::ones({3})), "set_grad: the gradient has shape [3], the value [2]", Error);
}

TEST_CASE("var: a graph that shares a walked part is refused before any gradient moves") {
  const Var x = leaf({3}), w = leaf({2});
  const Var h = square(x);
  (h * 2).backward();
  CHECK_THROWS_WITH_AS((h * w).backward(),
                       "backward: square belongs to a graph that was already walked and freed; compute it again",
                       Error);
  CHECK_FALSE(static_cast<bool>(w.grad()));
  CHECK(grad(x) == std::vector<real>{12});
}

TEST_CASE("var: writing to what a backward pass needs is noticed") {
  Var x = leaf({1, 2});
  const Var y = sum(square(x));
  x.value().fill(5);
  CHECK_THROWS_WITH_AS(y.backward(),
                       "backward: a tensor that square still needs was modified in place after it was used (version 2, "
                       "expected 1); write to a clone() instead",
                       Error);
  Var out = sigmoid(x);
  const Var z = sum(out);
  out.value().mutable_data()[0] = 1;
  CHECK_THROWS_AS(z.backward(), Error);
  CHECK_FALSE(static_cast<bool>(x.grad()));
}

TEST_CASE("var: a closure that returns nonsense is named") {
  const Var x = leaf({1, 2});
  const Var many = Var::result("two", x.value(), {x}, [](const Tensor& dy) -> Grads { return {dy, dy}; });
  CHECK_THROWS_WITH_AS(many.backward(Tensor::ones({2})), "two: backward returned 2 gradients for 1 inputs", Error);
  const Var wrong = Var::result("wrong", x.value(), {x}, [](const Tensor&) -> Grads { return {Tensor::ones({3})}; });
  CHECK_THROWS_WITH_AS(wrong.backward(Tensor::ones({2})), "wrong: gradient 0 has shape [3], the input has [2]", Error);
  const Var none = Var::result("none", x.value(), {x}, [](const Tensor&) -> Grads { return {Tensor()}; });
  none.backward(Tensor::ones({2}));  // an empty gradient means "none"
  CHECK_FALSE(static_cast<bool>(x.grad()));
}

TEST_CASE("var: a failed backward pass leaves nothing behind in the graph") {
  const Var x = leaf({1});
  bool broken = true;
  const Var h = Var::result("fragile", x.value().clone(), {x}, [&](const Tensor& dy) -> Grads {
    if (broken) fail("fragile: not now");
    return {dy};
  });
  CHECK_THROWS_WITH_AS(h.backward(), "fragile: not now", Error);
  broken = false;
  h.backward();
  CHECK(grad(x) == std::vector<real>{1});
}

TEST_CASE("var: 100,000 ops deep: backward, and destruction without backward") {
  const Var x = leaf({1});
  {
    const Var y = tower(x, 100000);
    CHECK(y.item() == 100001);
    y.backward();
    CHECK(grad(x) == std::vector<real>{1});
  }
  { const Var y = tower(x, 100000); }
  {
    const Var shared = tower(x, 1000);
    { const Var y = tower(shared, 100000) * tower(shared, 100000); }
    shared.backward();  // what others still hold is left alone
  }
  CHECK(grad(x) == std::vector<real>{2});
}

TEST_CASE("var: the graph as text for dot") {
  const Var x = leaf({1, 2});
  const Var y = sum(x * x);
  CHECK(to_dot(y) ==
        "digraph medusa {\n  rankdir = BT;\n  node [shape = box];\n"
        "  n0 [label = \"sum\\n[1]\"];\n  n1 -> n0;\n"
        "  n1 [label = \"mul\\n[2]\"];\n  n2 -> n1;\n  n2 -> n1;\n"
        "  n2 [label = \"leaf\\n[2]\", style = filled];\n}\n");
  CHECK(count(to_dot(Var(Tensor::ones({1}))), "label") == 0);
}

// Run by the test below in a process of its own, since MEDUSA_TRACE is read once.
TEST_CASE("var: traced child" * doctest::skip()) {
  const Var x = leaf({1, 2, 3});
  sum(relu(x)).backward();
}

TEST_CASE("var: MEDUSA_TRACE prints a line per op, forward and backward") {
  char self[4096] = {};
  REQUIRE(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  auto output = [&](const char* variable) {
    std::string text;
    const std::string command =
        std::string(variable) + " '" + self + "' --no-skip --test-case='var: traced child' 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
    CHECK(pclose(pipe) == 0);
    return text;
  };
  const std::string traced = output("MEDUSA_TRACE=1");
  CHECK(count(traced, "forward  relu               [3] -> [3] ") == 1);
  CHECK(count(traced, "forward  sum                [3] -> [1] ") == 1);
  CHECK(count(traced, "backward sum                d[1] ") == 1);
  CHECK(count(traced, "backward relu               d[3] ") == 1);
  CHECK(traced.find("forward  relu") < traced.find("backward relu"));
  CHECK(count(output("MEDUSA_TRACE=0"), "forward") == 0);
}

// The loss of structures that may overlap, some of them not outlined.
#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "mtl/losses.h"
#include "tests/op_case.h"
#include "tests/reference_loss.h"

using namespace medusa;
using namespace medusa::mtl;

namespace {

Task structures(std::int64_t channels) {
  Task t;
  t.name = "organs";
  t.kind = TaskKind::Structures;
  t.channels = channels;
  return t;
}

struct Example {
  Var y;
  Tensor target, outlined;
  Example() {
    std::vector<real> logits, truth;
    for (int i = 0; i < 24; ++i) {
      logits.push_back(static_cast<real>((7 * i % 11 - 5) / 3.0));
      truth.push_back(static_cast<real>(5 * i % 7 < 3));
    }
    y = Var(Tensor::from(logits, {2, 2, 2, 1, 3}), true);
    target = Tensor::from(truth, {2, 2, 2, 1, 3});
    outlined = Tensor::from({1, 0, 1, 0, 0, 1}, {2, 1, 1, 1, 3});
  }
};

}  // namespace

TEST_CASE("structures: loss and gradient agree with PyTorch") {
  // torch 2 in double: Dice of sigmoid and BCE per sample and channel, each the mean over outlined ones.
  Example e;
  Var loss = task_loss(structures(3), e.y, e.target, e.outlined);
  CHECK(loss.item() == doctest::Approx(1.06349628815681).epsilon(1e-6));
  loss.backward();
  const std::vector<double> expected{-0.080993056, 0.0, 0.028271088,  -0.024137907, 0.0, 0.022412474,
                                     -0.030848836, 0.0, 0.017384622,  0.06862074,   0.0, 0.01323956,
                                     0.0,          0.0, -0.022225025, 0.0,          0.0, -0.028485593,
                                     0.0,          0.0, -0.035632959, 0.0,          0.0, 0.064795279};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(e.y.grad().at(static_cast<std::int64_t>(i)) == doctest::Approx(expected[i]).scale(0.1).epsilon(1e-5));
  CHECK(task_loss(structures(3), e.y, e.target).item() == doctest::Approx(1.2254971124609186).epsilon(1e-6));
}

TEST_CASE("structures: loss and gradient are those of the loop nest") {
  using namespace medusa::test;
  for (const Shape& shape : {Shape{1, 3, 1}, Shape{2, 5, 3, 4}, Shape{3, 2, 3, 4, 10}}) {
    Shape mask(std::vector<std::int64_t>(static_cast<std::size_t>(shape.rank()), 1));
    mask[0] = shape[0];
    mask[-1] = shape[-1];
    const Task task = structures(shape[-1]);
    check_op(
        fmt::format("structures {}", shape), {normal(shape), binary(shape), binary(mask)},
        [&](const std::vector<Var>& x) { return task_loss(task, x[0], x[1].value(), x[2].value()); },
        [](const std::vector<reference::Array>& x) {
          return reference::structures(x[0], x[1], x[2], static_cast<double>(real(1e-5)));
        });
  }
}

TEST_CASE("structures: what was not outlined has no influence, whatever is predicted or stands there") {
  Example e;
  const double before = task_loss(structures(3), e.y, e.target, e.outlined).item();
  Tensor other = e.y.value().clone(), truth = e.target.clone();
  for (std::int64_t i = 0; i < 24; ++i) {
    const std::int64_t sample = i / 12, channel = i % 3;
    if (e.outlined.at(sample * 3 + channel) == 1) continue;
    other.mutable_data()[i] = real(40);
    truth.mutable_data()[i] = real(0);
  }
  CHECK(task_loss(structures(3), Var(other), truth, e.outlined).item() == doctest::Approx(before).epsilon(1e-6));
  // Nothing outlined at all: 0, and a gradient of 0.
  Var none = task_loss(structures(3), e.y, e.target, Tensor::zeros({2, 1, 1, 1, 3}));
  CHECK(none.item() == 0);
  none.backward();
  for (std::int64_t i = 0; i < 24; ++i) REQUIRE(e.y.grad().at(i) == 0);
}

TEST_CASE("structures: samples without a label are left out") {
  Example e;
  const double second = task_loss(structures(3), slice(e.y, 0, 1, 1), slice(Var(e.target), 0, 1, 1).value(),
                                  slice(Var(e.outlined), 0, 1, 1).value())
                            .item();
  CHECK(task_loss(structures(3), e.y, e.target, e.outlined, {false, true}).item() == doctest::Approx(second));
}

TEST_CASE("structures: a mask of another shape is refused") {
  Example e;
  CHECK_THROWS_WITH_AS(task_loss(structures(3), e.y, e.target, Tensor::ones({2, 2, 2, 1, 1})),
                       "task 'organs': outputs [2, 2, 2, 1, 3] need a mask [2, 1, 1, 1, 3] of outlined structures, got "
                       "[2, 2, 2, 1, 1]",
                       Error);
}

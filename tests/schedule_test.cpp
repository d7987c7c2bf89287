#include "nn/schedule.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/check.h"

namespace medusa::test {

namespace {

using nn::learning_rate;
using nn::ScheduleOptions;

ScheduleOptions options_of(const std::string& name, std::int64_t total, std::int64_t warmup = 0) {
  ScheduleOptions o;
  o.name = name;
  o.lr = 0.2;
  o.total = total;
  o.warmup = warmup;
  return o;
}

void check_rates(const ScheduleOptions& options, const std::vector<std::int64_t>& steps,
                 const std::vector<double>& want) {
  for (std::size_t k = 0; k < steps.size(); ++k)
    CHECK_MESSAGE(std::fabs(learning_rate(options, steps[k]) - want[k]) < 1e-12,
                  options.name << " at step " << steps[k]);
}

}  // namespace

TEST_CASE("schedules agree with PyTorch") {
  // CosineAnnealingLR, MultiStepLR, PolynomialLR and OneCycleLR of torch 1.13 over 20 steps.
  const std::vector<std::int64_t> steps = {0, 1, 5, 6, 13, 19};
  ScheduleOptions cosine = options_of("cosine", 20);
  cosine.min_lr = 0.01;
  check_rates(cosine, steps, {0.2, 0.198830392357, 0.172175144213, 0.160839598968, 0.0618709025247, 0.0111696076435});
  ScheduleOptions step = options_of("step", 20);
  step.milestones = {6, 13};
  check_rates(step, steps, {0.2, 0.2, 0.2, 0.02, 0.002, 0.002});
  check_rates(options_of("poly", 20), steps,
              {0.2, 0.190977076324, 0.154377901345, 0.145083569387, 0.0777483597598, 0.0134928284767});
  check_rates(options_of("onecycle", 20), steps, {0.008, 0.02633436854, 0.2, 0.197492801247, 0.0777483956127, 8e-07});
  check_rates(options_of("onecycle", 3), {0, 1, 2}, {0.19888308709, 0.0925274205334, 8e-07});
  check_rates(options_of("onecycle", 1), {0}, {0.2 / 25 / 1e4});
  check_rates(options_of("constant", 20), {0, 19}, {0.2, 0.2});
}

TEST_CASE("schedules: a linear warm-up, then the schedule over what is left") {
  check_rates(options_of("constant", 10, 3), {0, 1, 2, 3, 9}, {0.05, 0.1, 0.15, 0.2, 0.2});
  const ScheduleOptions cosine = options_of("cosine", 24, 4), plain = options_of("cosine", 20);
  check_rates(cosine, {0, 3}, {0.04, 0.16});
  for (std::int64_t i = 0; i < 20; ++i) CHECK(learning_rate(cosine, i + 4) == doctest::Approx(learning_rate(plain, i)));
  const ScheduleOptions poly = options_of("poly", 24, 4);
  CHECK(learning_rate(poly, 3) == doctest::Approx(0.16));
  CHECK(learning_rate(poly, 4) == doctest::Approx(0.2));
  check_rates(options_of("poly", 3, 5), {2}, {0.1});  // all of it is warm-up
}

TEST_CASE("schedules: errors say what was expected") {
  CHECK_THROWS_WITH_AS(learning_rate(options_of("linear", 10), 0),
                       "schedule: schedule linear: expected one of constant, step, cosine, poly, onecycle", InputError);
  CHECK_THROWS_WITH_AS(learning_rate(options_of("linear", 10, 5), 0),
                       "schedule: schedule linear: expected one of constant, step, cosine, poly, onecycle", InputError);
  CHECK_THROWS_WITH_AS(learning_rate(options_of("cosine", 0), 0), "schedule: 0 steps in all, expected 1 or more",
                       InputError);
  CHECK_THROWS_WITH_AS(learning_rate(options_of("cosine", 9, -1), 0), "schedule: warmup -1: expected 0 or more",
                       InputError);
  ScheduleOptions negative = options_of("constant", 10);
  negative.lr = -1;
  CHECK_THROWS_WITH_AS(learning_rate(negative, 0), "schedule: lr -1: expected more than 0", InputError);
}

}  // namespace medusa::test

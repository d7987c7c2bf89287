// Learning rates over time, as PyTorch's schedulers of the same names.  r: the base rate; i: the step, from 0;
// with a warm-up of w steps the rate first rises as r (i + 1) / (w + 1), then t = i - w runs over T = total - w steps.
#include "nn/schedule.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace medusa::nn {

namespace {

constexpr double kPi = 3.14159265358979323846;

// From a to b along half a cosine as p goes from 0 to 1.
double cosine(double a, double b, double p) { return b + (a - b) / 2 * (1 + std::cos(kPi * p)); }

// Smith, Topin, "Super-convergence", 2018: up to r during the first 30 %, then down to almost nothing.
double onecycle(const ScheduleOptions& o, double i) {
  const double first = o.lr / o.onecycle_start, last = first / o.onecycle_end;
  const double top = 0.3 * static_cast<double>(o.total) - 1, end = static_cast<double>(o.total) - 1;
  if (i <= top) return top > 0 ? cosine(first, o.lr, i / top) : o.lr;
  return cosine(o.lr, last, (i - top) / (end - top));
}

void check(const ScheduleOptions& o) {
  MEDUSA_CHECK_INPUT(o.lr >= 0 && std::isfinite(o.lr), "schedule: learning rate is {}, expected 0 or more", o.lr);
  MEDUSA_CHECK_INPUT(o.total >= 1, "schedule: {} steps in all, expected 1 or more", o.total);
  MEDUSA_CHECK_INPUT(o.warmup >= 0, "schedule: {} warm-up steps, expected 0 or more", o.warmup);
  MEDUSA_CHECK_INPUT(o.onecycle_start > 0 && o.onecycle_end > 0,
                     "schedule: onecycle_start and onecycle_end are {} and {}, expected above 0", o.onecycle_start,
                     o.onecycle_end);
}

}  // namespace

double learning_rate(const ScheduleOptions& o, std::int64_t step) {
  check(o);
  const double i = static_cast<double>(std::clamp<std::int64_t>(step, 0, o.total - 1));
  if (o.name == "onecycle") return onecycle(o, i);

  const double w = static_cast<double>(o.warmup);
  const double t = i - w, T = static_cast<double>(std::max<std::int64_t>(1, o.total - o.warmup));
  double rate;
  if (o.name == "constant") {
    rate = o.lr;
  } else if (o.name == "step") {
    const auto passed =
        std::count_if(o.milestones.begin(), o.milestones.end(), [&](std::int64_t m) { return m <= step; });
    rate = o.lr * std::pow(o.gamma, static_cast<double>(passed));
  } else if (o.name == "cosine") {  // Loshchilov, Hutter, "SGDR", 2017, eq. 5, without restarts
    rate = cosine(o.lr, o.min_lr, t / T);
  } else if (o.name == "poly") {
    rate = o.min_lr + (o.lr - o.min_lr) * std::pow(t < 0 ? 1 : 1 - t / T, o.power);
  } else {
    fail_input("schedule '{}': expected constant, step, cosine, poly or onecycle", o.name);
  }
  return t < 0 ? o.lr * (i + 1) / (w + 1) : rate;
}

}  // namespace medusa::nn

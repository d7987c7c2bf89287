// Learning rates over time, as in PyTorch's schedulers of the same names.  r: the base rate; i: the step, from 0.
// With a warm-up of w steps the rate first rises as r (i + 1) / (w + 1), then t = i - w runs over T = total - w steps.
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

// t: the step after the warm-up, below 0 during it; T: steps after the warm-up in all.
using Rate = double (*)(const ScheduleOptions& o, double t, double T);

double constant(const ScheduleOptions& o, double, double) { return o.lr; }

double step_wise(const ScheduleOptions& o, double t, double) {
  const double step = t + static_cast<double>(o.warmup);
  const auto passed = std::count_if(o.milestones.begin(), o.milestones.end(),
                                    [&](std::int64_t m) { return static_cast<double>(m) <= step; });
  return o.lr * std::pow(o.gamma, static_cast<double>(passed));
}

// Loshchilov, Hutter, "SGDR", 2017, eq. 5, without restarts.
double half_cosine(const ScheduleOptions& o, double t, double T) { return cosine(o.lr, o.min_lr, t / T); }

double poly(const ScheduleOptions& o, double t, double T) {
  return o.min_lr + (o.lr - o.min_lr) * std::pow(t < 0 ? 1 : 1 - t / T, o.power);
}

// A new schedule is one more line here.
struct Row {
  const char* name;
  Rate rate;  // null: without a warm-up, see learning_rate
  bool open_ended;
  std::int64_t unused_steps = 0;  // at its end, see steps_in_all
};
constexpr Row kSchedules[] = {{"constant", constant, true},
                              {"step", step_wise, true},
                              {"cosine", half_cosine, false},
                              {"poly", poly, false},
                              {"onecycle", nullptr, false, 1}};

const Row& row_of(const ScheduleOptions& o) {
  for (const Row& row : kSchedules)
    if (o.name == row.name) return row;
  check_one_of("schedule:", o.name, schedules());
  fail("schedule '{}' is not in its table", o.name);
}

}  // namespace

std::vector<std::string> schedules() {
  std::vector<std::string> names;
  for (const Row& row : kSchedules) names.emplace_back(row.name);
  return names;
}

std::int64_t steps_in_all(const ScheduleOptions& o, std::int64_t taken) { return taken + row_of(o).unused_steps; }

bool open_ended(const ScheduleOptions& o) {
  return std::any_of(std::begin(kSchedules), std::end(kSchedules),
                     [&](const Row& row) { return o.name == row.name && row.open_ended; });
}

void ScheduleOptions::declare(Options& o) {
  o.add("lr", lr, "learning rate; for onecycle the highest").above(0);
  o.add("schedule", name, "learning rate over time").one_of(schedules());
  o.add("warmup", warmup, "steps of linear warm-up (not for onecycle)").at_least(0);
  o.add("milestones", milestones, "step: the steps after which the rate is multiplied by --gamma").at_least(0);
  o.add("gamma", gamma, "step: the factor");
  o.add("power", power, "poly: the exponent");
  o.add("min-lr", min_lr, "cosine, poly: the rate at the end").at_least(0);
  o.add("onecycle-start", onecycle_start, "onecycle: the first rate is --lr divided by this").above(0);
  o.add("onecycle-end", onecycle_end, "onecycle: the last rate is the first divided by this").above(0);
}

double learning_rate(const ScheduleOptions& o, std::int64_t step) {
  check_options(o, "schedule: ");
  MEDUSA_CHECK_INPUT(o.total >= 1, "schedule: {} steps in all, expected 1 or more", o.total);
  const double i = static_cast<double>(std::clamp<std::int64_t>(step, 0, o.total - 1));
  const Row& row = row_of(o);
  if (row.rate == nullptr) return onecycle(o, i);
  const double w = static_cast<double>(o.warmup);
  const double t = i - w, T = static_cast<double>(std::max<std::int64_t>(1, o.total - o.warmup));
  return t < 0 ? o.lr * (i + 1) / (w + 1) : row.rate(o, t, T);
}

}  // namespace medusa::nn

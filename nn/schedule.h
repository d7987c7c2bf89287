// Learning rates over time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/options.h"

namespace medusa::nn {

struct ScheduleOptions {
  std::string name = "constant";         // one of schedules()
  double lr = 1e-3;                      // base rate; for onecycle the highest rate
  std::int64_t total = 1;                // total number of steps
  std::int64_t warmup = 0;               // steps of linear warm-up from 0 (not for onecycle)
  std::vector<std::int64_t> milestones;  // step: where the rate is multiplied by gamma
  double gamma = 0.1;                    // step
  double power = 0.9;                    // poly
  double min_lr = 0;                     // cosine, poly: the end
  double onecycle_start = 25;  // onecycle: first rate = lr / this, as torch's OneCycleLR (cosine, pct_start 0.3)
  double onecycle_end = 1e4;   // onecycle: last rate = first / this

  void declare(Options& o);  // all but `total`
};
std::vector<std::string> schedules();
// Whether the rate of a step does not depend on the total number of steps, so that a run can be extended.  False for
// an unknown name.
bool open_ended(const ScheduleOptions& options);
// ScheduleOptions::total for a training of `taken` steps.  onecycle plans one step more, which is never taken, as in
// PyTorch's recipes.  Throws InputError if the name is unknown.
std::int64_t steps_in_all(const ScheduleOptions& options, std::int64_t taken);

// The rate of step i in 0..total-1; a pure function, so resuming needs no state.  Throws InputError
// where the name is unknown (lists the names) or an option out of range.
double learning_rate(const ScheduleOptions& options, std::int64_t step);

}  // namespace medusa::nn

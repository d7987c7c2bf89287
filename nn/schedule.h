// Learning rates over time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medusa::nn {

struct ScheduleOptions {
  std::string name = "constant";         // constant | step | cosine | poly | onecycle
  double lr = 1e-3;                      // the base rate; for onecycle the largest rate
  std::int64_t total = 1;                // steps in all
  std::int64_t warmup = 0;               // steps of linear warm-up from 0 (not for onecycle)
  std::vector<std::int64_t> milestones;  // step: where the rate is multiplied by gamma
  double gamma = 0.1;                    // step
  double power = 0.9;                    // poly
  double min_lr = 0;                     // cosine, poly: the end
  double onecycle_start = 25;  // onecycle: first rate = lr / this, as torch's OneCycleLR (cosine, pct_start 0.3)
  double onecycle_end = 1e4;   // onecycle: last rate = first / this
};

// The rate of step i in 0..total-1; a pure function, so resuming needs no state.  Throws InputError on a bad name.
double learning_rate(const ScheduleOptions& options, std::int64_t step);

}  // namespace medusa::nn

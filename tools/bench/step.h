// How long a training step takes, and how much memory it needs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/cli/device.h"

namespace medusa::tools {

struct StepOptions {
  std::string arch = "hps", shape = "2dsmall";
  int steps = 5, warmup = 2;
  DeviceChoice device;
  bool json = false;
};

// Forward pass, losses, backward pass and Adam on random data: names and figures, times in milliseconds.
nlohmann::ordered_json step_line(const StepOptions& options);
void bench_step(const StepOptions& options);  // prints it

}  // namespace medusa::tools

// How long a prediction takes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/cli/device.h"

namespace medusa::tools {

struct InferOptions {
  std::string arch = "ctan", shape = "2d";
  std::int64_t batch = 1;
  int repeats = 20, warmup = 3;
  DeviceChoice device;
  bool json = false;
};
// The network's forward pass in evaluation mode, without a graph: names and figures, times in milliseconds.
nlohmann::ordered_json infer_line(const InferOptions& options);
void bench_infer(const InferOptions& options);  // prints it

}  // namespace medusa::tools

// Reports of a training as JSON, for files and programs; undefined values are null.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mtl/training/progress.h"

namespace medusa::mtl {

// {"epoch": 1, "step": 20, "lr": 0.002, "loss": {"<task>": 0.5, ...}, "val": {"<task>": {"<metric>": ...}}, ...}
nlohmann::ordered_json epoch_json(const std::vector<Task>& tasks, const EpochReport& report);
// {"<task>,<other>": {"entropy_bits": 3.1, "most_bits": 5.6, "diagonal": 0.2}, ...}: the task's attention with the
// other.
nlohmann::ordered_json bottleneck_json(const std::vector<Task>& tasks, const std::vector<BottleneckFigures>& figures);
// {"<task>": {"<metric>": value, ...}, ...} as JSON text.
std::string metrics_json(const std::vector<Task>& tasks, const Evaluation& evaluation);

}  // namespace medusa::mtl

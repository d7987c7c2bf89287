// Reports of a training as JSON, for files and programs; undefined values are null.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mtl/training/progress.h"

namespace medusa::mtl {

// {"epoch": 1, "step": 20, "lr": 0.002, "loss": {"<task>": 0.5, ...}, "val": {"<task>": {"<metric>": ...}}, ...}
nlohmann::ordered_json epoch_json(const std::vector<Task>& tasks, const EpochReport& report);
// {"<task>": {"<metric>": value, ...}, ...} as JSON text.
std::string metrics_json(const std::vector<Task>& tasks, const Evaluation& evaluation);

}  // namespace medusa::mtl

// What a network costs: parameters, operations, memory.
#pragma once

#include <string>

#include "datasets/extent.h"
#include "mtl/networks/model.h"

namespace medusa::tools {

// A run's cost as JSON text.
//   parameters        numbers that are learned
//   gflop_per_image   of one picture's forward pass through all tasks, counted as it runs (autograd/flops.h), in 10^9
//   peak_memory_mib   the most that this program has held, its cache of samples included
std::string cost_json(mtl::Model& model, const datasets::Extent& size);

}  // namespace medusa::tools

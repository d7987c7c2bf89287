// The network of a run.
#pragma once

#include <vector>

#include "datasets/dataset.h"
#include "datasets/split.h"
#include "mtl/networks/model.h"
#include "tools/cli/run_options.h"

namespace medusa::tools {

// Without tasks and inputs, which the dataset says.
mtl::ModelConfig network_of(const RunOptions& options);
// For the dataset's inputs and tasks, without class weights.  `target_of_task`: see mtl::make_tasks().
mtl::ModelConfig network_config(const RunOptions& options, const datasets::Dataset& dataset,
                                std::vector<std::size_t>* target_of_task);
// As it is trained: the classes weighted by their counts in the training part.
mtl::ModelConfig model_config(const RunOptions& options, const datasets::Dataset& dataset, const datasets::Split& split,
                              std::vector<std::size_t>* target_of_task);

}  // namespace medusa::tools

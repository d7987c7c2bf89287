// Whether several trainings fit into the machine's memory.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "tools/cli/run_options.h"

namespace medusa::tools {

// About what a training will hold, in MiB: the network, its gradients and the optimiser's moments, a batch's
// activations, samples.  Passes of one and of two inputs are measured.
double training_mib(const RunOptions& options, const datasets::Dataset& dataset);
// What the system, and the control group of this program, still have for programs, in MiB.
double available_mib();

// "2 runs at a time: about 300 MiB of 5000 MiB"; throws InputError if the `jobs` largest of the runs do not fit, and
// says how many would.
std::string check_memory(const std::vector<RunOptions>& runs, const datasets::Dataset& dataset, std::size_t jobs);

}  // namespace medusa::tools

// The runs of a comparison: which are finished, training of those that are not, side by side.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/compare/plan.h"

namespace medusa::tools {

// Throws InputError if a run that was begun was made with other options, from other samples or other inputs than the
// plan's: the rows of a table must be about the same data.
void check_begun(const std::vector<PlannedRun>& runs, const datasets::Dataset& dataset);

// Why runs failed, by name.
using Failures = std::map<std::string, std::string>;

// Trains what is not finished, `jobs` at a time, with the machine's threads shared out; a line for each run that ends.
// A run that another program is working on is left to it and looked at again when nothing else is left to begin.  The
// results do not depend on `jobs`.  After Ctrl-C all children save and end, and Error is thrown.
Failures train_runs(const CompareCommand& command, const datasets::Dataset& dataset,
                    const std::vector<PlannedRun>& runs);

// A run's record without results: why there are none, if so.
RunRecord record_without_results(const PlannedRun& planned, const Failures& failures);

// The results in the order of the plan; those of runs that are not finished are missing.
void read_runs(const std::vector<PlannedRun>& runs, const Failures& failures, Comparison* comparison);

}  // namespace medusa::tools

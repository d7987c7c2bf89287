// A training run's record of what it was made from: options, samples, program, machine (mtl/training/provenance.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mtl/networks/model.h"
#include "mtl/training/provenance.h"
#include "tools/cli/run_options.h"

namespace medusa::tools {

// The record of a run that begins here and now.  `arguments`: of the command line, in UTF-8.
mtl::Provenance provenance_of(const RunOptions& options, const std::vector<std::string>& arguments,
                              const datasets::Dataset& dataset, const datasets::Split& split, const mtl::Model& model);

// The record of the run in `folder`, which goes on, with one start more; none for a run that an older version began
// without one.  `now`: of provenance_of().  `notes` gets lines that a user should know.  Throws InputError where the
// record contradicts `now`: other samples, other numbers.
std::optional<mtl::Provenance> resumed_record(const std::string& folder, const mtl::Provenance& now,
                                              std::vector<std::string>* notes);

}  // namespace medusa::tools

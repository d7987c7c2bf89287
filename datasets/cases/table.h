// A table (CSV) that lists cases: a row each, its columns as a description says.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/plan_toml.h"

namespace medusa::datasets {

// The description's plan with a row for each of the table at `path`; `name` of the dataset, for messages.  Files are
// relative to the table.  Throws InputError with file:line; with `problems`, rows that are no good are left out and
// told there.
CasePlan read_cases(const Description& description, const std::string& path, const std::string& name,
                    std::vector<std::string>* problems);

}  // namespace medusa::datasets

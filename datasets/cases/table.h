// A table (CSV) of cases: a row for each, with the columns that a description names.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/plan_toml.h"

namespace medusa::datasets {

// The description's plan with the rows of the table at `path`; `name` of the dataset, for messages.  Files are relative
// to the table.  Throws InputError with file:line; with `problems`, invalid rows are skipped and the reasons are
// appended there.
CasePlan read_cases(const Description& description, const std::string& path, const std::string& name,
                    std::vector<std::string>* problems);

}  // namespace medusa::datasets

// A table (CSV) of cases: a row for each, with the columns that a description names.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/plan_toml.h"
#include "datasets/formats/csv.h"

namespace medusa::datasets {

// Throws InputError where the table, which has no column of that name, has one that is probably meant to be it.
void check_no_column_like(const Table& table, const std::string& column);

// The description's plan with the rows of the table at `path`; `name` of the dataset, for messages.  Files are relative
// to the table, and must lie in `folder`.  Throws InputError with file:line; with `problems`, invalid rows are skipped
// and the reasons are appended there.
CasePlan read_cases(const Description& description, const std::string& path, const std::string& name,
                    const DataFolder& folder, std::vector<std::string>* problems);

}  // namespace medusa::datasets

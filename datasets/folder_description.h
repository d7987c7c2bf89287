// What goes into the network, what is to be learnt, and in which columns of a table each stands: dataset.toml.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases.h"
#include "datasets/toml.h"

namespace medusa::datasets {

// Where a target's labels stand in the table.
struct TargetColumns {
  std::vector<std::string> files_or_labels;
  std::string mask, only_if;
  std::string where;  // of the target in dataset.toml
};

// A plan without rows, and where those find their files and labels.
struct Description {
  CasePlan plan;
  std::vector<std::string> input_columns;
  std::vector<TargetColumns> target_columns;
};

// The tables of a dataset.toml (folder.h lists its keys); `file` is its name.  Throws InputError with file:line.
Description read_description(const std::vector<TomlTable>& tables, const std::string& file);

}  // namespace medusa::datasets

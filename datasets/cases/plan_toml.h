// dataset.toml: the network's inputs, what it learns, and the columns of a table that hold each.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/case_dataset.h"
#include "datasets/formats/toml.h"

namespace medusa::datasets {

// The columns of the table that hold a target's labels.
struct TargetColumns {
  std::vector<std::string> files_or_labels;
  std::string mask, only_if;
  std::string where;  // of the target in dataset.toml
};

// A plan without rows, and the columns where its rows find their files and labels.
struct Description {
  CasePlan plan;
  std::vector<TargetColumns> target_columns;
};

// The tables of a dataset.toml (folder.h lists its keys); `file` is its name.  Throws InputError with file:line.
Description read_description(const std::vector<TomlTable>& tables, const std::string& file);
// The other way: a dataset.toml that says of inputs and targets what the plan does, for samples of `size` (depth 0:
// pictures).  Whatever decides the numbers of a sample is in it; where its labels stand is not.
std::string description_text(const CasePlan& plan, const Extent& size);

}  // namespace medusa::datasets

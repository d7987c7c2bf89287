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
// The reverse: a dataset.toml with the plan's inputs and targets, for samples of `size` (depth 0: pictures).  It has
// everything that a sample's numbers depend on, but not the columns of its labels.
std::string description_text(const CasePlan& plan, const Extent& size);

}  // namespace medusa::datasets

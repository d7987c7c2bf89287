// cases_<part>.csv: what a run's network found about each case of one part of its data, a row for each.
//   id, group                    the sample, and the patient or lesion that it belongs to
//   <task>.<column>              metrics and predictions (mtl/training/metric_table.h); empty: not defined
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mtl/training/evaluate.h"

namespace medusa::tools {

struct CaseName {
  std::string id, group;
};
std::vector<CaseName> case_names(const datasets::Dataset& dataset, const std::vector<std::int64_t>& samples);

// The text of such a file, its rows in the order of `names`.
std::string cases_csv(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation,
                      const std::vector<CaseName>& names);

struct CaseFile {
  std::vector<CaseName> names;
  std::vector<mtl::CaseTable> tables;  // per task: the cases that have a label for it
};
// Throws InputError with file and line where a case is there twice or a number is malformed, or a task has no column.
CaseFile read_cases(const std::string& path, const std::vector<mtl::Task>& tasks);

}  // namespace medusa::tools

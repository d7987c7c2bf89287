// --tune: each row of the table gets the value of an option that is best on the validation set of the first run.
//
// The first seed (and fold) trains every value, the other runs have the chosen one only.  The choice is made from the
// finished runs' validation figures alone, so every program that works on a comparison makes the same one.
#pragma once

#include <string>
#include <vector>

#include "tools/compare/plan.h"
#include "tools/compare/runs.h"

namespace medusa::tools {

// The runs that decide: each candidate of a row that is tuned, with the first round.
std::vector<PlannedRun> tuning_runs(const CompareCommand& command, const std::vector<Variant>& candidates);

// The rows of the table: of the candidates of each the one with the best score (mtl/training/selection.h), the first
// given among equal ones.  A row is not decided until all its candidates are finished; its runs are the others then,
// without results.  `candidates`: of plan_rows().  Reads validation figures only; throws InputError as read_validation.
std::vector<Variant> choose_rows(const CompareCommand& command, const std::vector<Variant>& candidates,
                                 const Failures& failures, std::vector<JudgedTask>* tasks);

// "hps lr=0.002 is chosen; validation scores: lr=0.001 -0.4402, lr=0.002 -0.3120"
std::string choice_text(const Variant& row);

}  // namespace medusa::tools

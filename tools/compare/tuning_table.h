// The part of a comparison's tables that says which values --tune had to choose from.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/compare/comparison.h"

namespace medusa::tools {

// The cells of the table, its head first: a row for each finished candidate.  Validation figures only.
std::vector<std::vector<std::string>> tuning_rows(const Comparison& comparison);
std::string tuning_explanation(const Comparison& comparison);
// {"option": "lr", "value": "0.002", "on": "seed 0", "candidates": [{"value", "run", "score", "val"}, ...]}; the value
// is null where the row is not decided.
nlohmann::ordered_json tuning_json(const Comparison& comparison, const Variant& row);

}  // namespace medusa::tools

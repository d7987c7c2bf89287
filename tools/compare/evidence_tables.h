// The part of a comparison's tables that says how sure the differences between its rows are.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/compare/comparison.h"
#include "tools/compare/evidence.h"

namespace medusa::tools {

// The cells of the table, its head first: a row for each network and task; what is not known is "-".
std::vector<std::vector<std::string>> evidence_rows(const Comparison& comparison,
                                                    const std::vector<Evidence>& evidence);
std::string evidence_explanation(const Comparison& comparison);
// Lines about runs whose cases nobody knows.
std::vector<std::string> missing_cases(const std::vector<Evidence>& evidence);

// null where it is not finite
nlohmann::ordered_json number_json(double value);
nlohmann::ordered_json interval_json(const Interval& interval);
nlohmann::ordered_json evidence_json(const Evidence& evidence);

}  // namespace medusa::tools

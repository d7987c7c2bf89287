// What the cell of a table says, as people, pandas, R and spreadsheets write it.
#pragma once

#include <optional>
#include <string>

namespace medusa::datasets {

// Empty, or one of the words for it: NA, N/A, #N/A, <NA>, NaN, null, None, in any case.
bool is_missing(const std::string& cell);
// 0 or 1 (also 0.0, 1.00), true or false, yes or no, in any case; none: anything else.
std::optional<bool> yes_or_no(const std::string& cell);
// The same where another answer is an error: throws InputError "<where>: <column> is '<cell>', expected 0 or 1".
bool yes_or_no(const std::string& cell, const std::string& where, const std::string& column);
// A finite number in plain or scientific notation; none: anything else.
std::optional<double> number_in(const std::string& cell);
// Throws InputError "<where>: <column> is not UTF-8 text: <cell>" unless it is: runs keep names in JSON.
void check_name(const std::string& cell, const std::string& where, const std::string& column);

}  // namespace medusa::datasets

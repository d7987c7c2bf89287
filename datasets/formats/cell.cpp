#include "datasets/formats/cell.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "datasets/formats/header_text.h"
#include "tensor/check.h"
#include "tensor/text.h"

namespace medusa::datasets {

bool is_missing(const std::string& cell) {
  constexpr std::array<std::string_view, 8> kWords{"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"};
  return std::find(kWords.begin(), kWords.end(), lower_case(trimmed(cell))) != kWords.end();
}

std::optional<bool> yes_or_no(const std::string& cell) {
  const std::string word = lower_case(trimmed(cell));
  if (word == "true" || word == "yes") return true;
  if (word == "false" || word == "no") return false;
  const std::optional<double> number = number_in(word);
  if (number == 0.0 || number == 1.0) return *number == 1.0;
  return std::nullopt;
}

bool yes_or_no(const std::string& cell, const std::string& where, const std::string& column) {
  const std::optional<bool> answer = yes_or_no(cell);
  MEDUSA_CHECK_INPUT(answer, "{}: {} is '{}', expected 0 or 1", where, column, cell);
  return *answer;
}

void check_name(const std::string& cell, const std::string& where, const std::string& column) {
  MEDUSA_CHECK_INPUT(is_utf8(cell), "{}: {} is not UTF-8 text: {}", where, column, cell);
}

std::optional<double> number_in(const std::string& cell) {
  std::string text = trimmed(cell);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.erase(0, 1);
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace medusa::datasets

#include "tensor/options.h"

#include <algorithm>
#include <cmath>

namespace medusa {

namespace {

template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;
template <class T>
constexpr bool is_whole = std::is_integral_v<T> && !std::is_same_v<T, bool>;

std::string toml_of(const std::string& value) {
  const char quote = value.find('"') == std::string::npos ? '"' : '\'';
  MEDUSA_CHECK_INPUT(value.find(quote) == std::string::npos && value.find('\n') == std::string::npos,
                     "{}: a text with both kinds of quotes or a line break cannot be kept in a config file", value);
  return quote + value + quote;
}
std::string toml_of(bool value) { return value ? "true" : "false"; }
template <class T>
std::string toml_of(const T& value) {
  return fmt::format("{}", value);
}
template <class T>
std::string toml_of(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "[" : ", ") + toml_of(value);
  return text.empty() ? "" : text + "]";
}

// `from` as a T; false where it is none.
template <class T, class F>
bool convert(const F& from, T* to) {
  if constexpr (std::is_same_v<T, F>) {
    *to = from;
    return true;
  } else if constexpr (is_whole<T> && is_whole<F>) {
    *to = static_cast<T>(from);
    return std::in_range<T>(from);
  } else if constexpr (std::is_same_v<T, double> && is_whole<F>) {
    *to = static_cast<double>(from);
    return true;
  } else if constexpr (is_list<T> && is_list<F>) {
    T list;
    for (const auto& entry : from)
      if (!convert(entry, &list.emplace_back())) return false;
    *to = std::move(list);
    return true;
  } else {
    return false;
  }
}

template <class T>
std::string type_text(const T*) {
  if constexpr (is_list<T>) {
    return std::is_same_v<typename T::value_type, std::string> ? "a list of names" : "a list of numbers";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (is_whole<T>) {
    return "a whole number";
  } else {
    return std::is_same_v<T, double> ? "a number" : "a name";
  }
}

void check_value(const Option& row, const std::string& what, const std::string& value) {
  if (!row.choices.empty()) check_one_of(what, value, row.choices);
}
void check_value(const Option&, const std::string&, bool) {}
template <class T>
void check_value(const Option& row, const std::string& what, T value) {
  const double x = static_cast<double>(value);
  const bool inside = std::isfinite(x) && (row.open_least ? x > row.least : x >= row.least) &&
                      (row.open_most ? x < row.most : x <= row.most);
  const std::string range = row.range_text();
  MEDUSA_CHECK_INPUT(inside, "{} {}: expected {}", what, value, range.empty() ? "a finite number" : range);
}
template <class T>
void check_value(const Option& row, const std::string& what, const std::vector<T>& values) {
  MEDUSA_CHECK_INPUT(row.most_values == 0 || values.size() <= row.most_values,
                     "{}: expected at most {} values, found {}", what, row.most_values, values.size());
  for (const T& value : values) check_value(row, what, value);
}

}  // namespace

std::string toml_text(const OptionValue& value) {
  return std::visit([](const auto& v) { return toml_of(v); }, value);
}

std::string OptionRow::range_text() const {
  const bool from = std::isfinite(least), to = std::isfinite(most);
  if (from && to && !open_least && !open_most) return fmt::format("{} to {}", least, most);
  const std::string low = !from        ? ""
                          : open_least ? fmt::format("more than {}", least)
                                       : fmt::format("{} or more", least);
  const std::string high = !to ? "" : open_most ? fmt::format("below {}", most) : fmt::format("at most {}", most);
  return low + (from && to ? ", " : "") + high;
}

Option& Option::one_of(std::vector<std::string> names, bool in_help) {
  choices = std::move(names);
  if (in_help) help += fmt::format(": {}", fmt::join(choices, ", "));
  return *this;
}
Option& Option::range(double from, double to) {
  least = from;
  most = to;
  return *this;
}
Option& Option::at_least(double from) {
  least = from;
  return *this;
}
Option& Option::above(double bound) {
  least = bound;
  open_least = true;
  return *this;
}
Option& Option::from_to_below(double from, double bound) {
  open_most = true;
  return range(from, bound);
}
Option& Option::at_most_values(std::size_t count) {
  most_values = count;
  return *this;
}
Option& Option::no_effect() {
  effect = Effect::Nothing;
  return *this;
}
Option& Option::only_the_end() {
  effect = Effect::End;
  return *this;
}
Option& Option::same_for_all() {
  shared = true;
  return *this;
}

OptionValue Option::value() const {
  return std::visit([](const auto* at) { return OptionValue(*at); }, place);
}

void Option::set(const OptionValue& value, const std::string& prefix) {
  std::visit(
      [&](auto* at, const auto& from) {
        MEDUSA_CHECK_INPUT(convert(from, at), "{}{} {}: expected {}", prefix, name, toml_of(from), type_text(at));
      },
      place, value);
}

void Option::check(const std::string& prefix) const {
  std::visit([&](const auto* at) { check_value(*this, prefix + name, *at); }, place);
}

Option& Options::add(Option option) {
  option.name = prefix_ + option.name;
  if (option.group.empty()) option.group = group_;
  if (option.owner.empty()) option.owner = owner_;
  MEDUSA_CHECK(find(option.name) == nullptr, "option '{}' is declared twice", option.name);
  return rows_.emplace_back(std::move(option));
}

void Options::group(const std::string& heading, const std::string& owner) {
  group_ = heading;
  owner_ = owner;
}

Option* Options::find(const std::string& name) {
  for (Option& row : rows_)
    if (row.name == name) return &row;
  return nullptr;
}

std::vector<std::string> Options::names() const {
  std::vector<std::string> all;
  for (const Option& row : rows_) all.push_back(row.name);
  return all;
}

OptionValues Options::values() const {
  OptionValues values;
  for (const Option& row : rows_) values[row.name] = row.value();
  return values;
}

void Options::assign(const OptionValues& values, const std::string& prefix) {
  for (const auto& [name, value] : values) {
    Option* row = find(name);
    MEDUSA_CHECK_INPUT(row != nullptr, "{}{}: unknown option, expected {}{}", prefix, name,
                       rows_.empty() ? "none" : fmt::format("one of {}", fmt::join(names(), ", ")),
                       did_you_mean(name, names()));
    row->set(value, prefix);
  }
}

void Options::check(const std::string& prefix) const {
  for (const Option& row : rows_) row.check(prefix);
}

}  // namespace medusa

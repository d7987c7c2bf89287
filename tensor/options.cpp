#include "tensor/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace medusa {

namespace {

template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;
template <class T>
constexpr bool is_whole = std::is_integral_v<T> && !std::is_same_v<T, bool>;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// In plain quotes where they will do, for people to read.
std::string toml_of(const std::string& value) {
  const bool plain = std::none_of(value.begin(), value.end(), is_control);
  if (plain && value.find_first_of("\"\\") == std::string::npos) return '"' + value + '"';
  if (plain && value.find('\'') == std::string::npos) return '\'' + value + '\'';
  std::string text;
  for (const char c : value) {
    if (c == '"' || c == '\\')
      text += std::string("\\") + c;
    else if (c == '\n' || c == '\t' || c == '\r')
      text += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    else
      text += is_control(c) ? fmt::format("\\u{:04x}", static_cast<unsigned>(c)) : std::string(1, c);
  }
  return '"' + text + '"';
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

namespace {

void add_utf8(std::uint32_t code, std::string* out) {
  const auto byte = [&](std::uint32_t b) { out->push_back(static_cast<char>(b)); };
  const auto rest = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) byte(0x80 | (code >> 6 * i & 0x3f));
  };
  if (code < 0x80) return byte(code);
  if (code < 0x800) return byte(0xc0 | code >> 6), rest(1);
  if (code < 0x10000) return byte(0xe0 | code >> 12), rest(2);
  byte(0xf0 | code >> 18), rest(3);
}

// What the escape at the beginning of `text`, behind its backslash, stands for; returns how many characters it has.
std::size_t add_escape(std::string_view text, std::string* out) {
  constexpr std::string_view kLetters = "btnfr\"\\", kMeanings = "\b\t\n\f\r\"\\";
  if (const std::size_t known = kLetters.find(text[0]); known != std::string_view::npos) {
    out->push_back(kMeanings[known]);
    return 1;
  }
  const std::size_t digits = text[0] == 'u' ? 4 : text[0] == 'U' ? 8 : 0;
  std::uint32_t code = 0;
  if (digits > 0 && text.size() > digits) {
    const char* end = text.data() + 1 + digits;
    const auto [stop, error] = std::from_chars(text.data() + 1, end, code, 16);
    if (error == std::errc() && stop == end && code <= 0x10ffff) {
      add_utf8(code, out);
      return 1 + digits;
    }
  }
  out->push_back('\\');
  return 0;
}

}  // namespace

std::string text_of_toml(std::string_view value) {
  const bool quoted = value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0];
  if (!quoted) return std::string(value);
  const std::string_view inner = value.substr(1, value.size() - 2);
  if (value[0] == '\'') return std::string(inner);
  std::string text;
  for (std::size_t at = 0; at < inner.size(); ++at) {
    if (inner[at] == '\\' && at + 1 < inner.size())
      at += add_escape(inner.substr(at + 1), &text);
    else
      text += inner[at];
  }
  return text;
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

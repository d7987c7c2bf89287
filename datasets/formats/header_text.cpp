#include "datasets/formats/header_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

template <class T>
std::vector<T> parse(std::string_view text, const std::string& what, const char* kind) {
  std::vector<T> values;
  for (std::size_t at = text.find_first_not_of(kBlanks); at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const char* first = word.data() + (word.size() > 1 && word[0] == '+');
    T value{};
    const auto [stop, error] = std::from_chars(first, word.data() + word.size(), value);
    MEDUSA_CHECK_INPUT(error == std::errc{} && stop == word.data() + word.size(), "{}: expected {}, found \"{}\"", what,
                       kind, word.substr(0, 40));
    values.push_back(value);
    at = text.find_first_not_of(kBlanks, end);
  }
  return values;
}

}  // namespace

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string next_line(std::span<const unsigned char> bytes, std::size_t* at, const std::string& name) {
  constexpr std::size_t kLongest = 1 << 16;
  const auto rest = bytes.subspan(*at);
  const auto window = rest.first(std::min(rest.size(), kLongest));
  const auto end = std::find(window.begin(), window.end(), '\n');
  const std::string line(window.begin(), end);
  MEDUSA_CHECK_INPUT(end != window.end() || rest.size() <= kLongest, "{}: its header has a line of more than {} bytes",
                     name, kLongest);
  MEDUSA_CHECK_INPUT(line.find('\0') == std::string::npos, "{}: its header is not text", name);
  *at += line.size() + (end != window.end());
  return line;
}

std::vector<double> numbers_in(std::string_view text, const std::string& what) {
  return parse<double>(text, what, "a number");
}

std::vector<std::int64_t> integers_in(std::string_view text, const std::string& what) {
  return parse<std::int64_t>(text, what, "a whole number");
}

std::vector<unsigned char> first_bytes(const std::string& path) { return read_beginning(path, std::size_t{1} << 16); }

std::string beside(const std::string& path, const std::string& file) {
  return (std::filesystem::path(path).parent_path() / file).string();
}

}  // namespace medusa::datasets

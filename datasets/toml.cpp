#include "datasets/toml.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr int kDeepest = 4;  // lists in lists

const char* kind_name(TomlValue::Kind kind) {
  constexpr const char* kNames[] = {"a text in quotes", "a number", "true or false", "a list in [ ]"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

class TomlParser {
 public:
  TomlParser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    begin_table("");
  }

  std::vector<TomlTable> tables() {
    for (skip_empty(); !end(); skip_empty()) {
      if (peek() == '[')
        header();
      else
        entry();
      skip_blanks();
      expect(end() || peek() == '\n' || peek() == '#' || peek() == '\r', "the end of the line");
    }
    return std::move(tables_);
  }

 private:
  bool end() const { return at_ >= text_.size(); }
  char peek() const { return end() ? '\0' : text_[at_]; }

  // What stands here, for messages.
  std::string rest() const {
    if (end() || peek() == '\n') return "the end of the line";
    std::string_view line = text_.substr(at_, 40);
    return std::string(line.substr(0, line.find_first_of("\r\n")));
  }
  void expect(bool good, const char* what) const {
    MEDUSA_CHECK_INPUT(good, "{}:{}: expected {}, found {}", name_, line_, what, rest());
  }
  void take(char c, const char* what) {
    expect(!end() && peek() == c, what);
    ++at_;
  }

  void skip_blanks() {
    while (!end() && (peek() == ' ' || peek() == '\t')) ++at_;
  }
  void skip_empty() {  // blanks, comments and line ends
    while (!end()) {
      if (peek() == '#')
        while (!end() && peek() != '\n') ++at_;
      else if (peek() == '\n') {
        ++line_;
        ++at_;
      } else if (peek() == ' ' || peek() == '\t' || peek() == '\r')
        ++at_;
      else
        return;
    }
  }

  void begin_table(const std::string& title) {
    MEDUSA_CHECK_INPUT(title.empty() || names_.insert(title).second, "{}:{}: [{}] is there twice", name_, line_, title);
    TomlTable table;
    table.name = title;
    table.line = line_;
    table.file_ = name_;
    tables_.push_back(std::move(table));
  }

  std::string bare_key() {
    const std::size_t start = at_;
    while (!end() && bare(peek())) ++at_;
    expect(at_ > start, "a name of letters, digits, '_' and '-'");
    return std::string(text_.substr(start, at_ - start));
  }

  void header() {
    ++at_;
    std::string title = bare_key();
    while (peek() == '.') {
      ++at_;
      title += '.';
      title += bare_key();
    }
    take(']', "] behind the table's name");
    begin_table(title);
  }

  void entry() {
    const std::int64_t line = line_;
    const std::string key = bare_key();
    skip_blanks();
    take('=', "= behind the key");
    skip_blanks();
    TomlTable& table = tables_.back();
    for (const auto& other : table.entries_)
      MEDUSA_CHECK_INPUT(other.key != key, "{}:{}: {} is there twice", name_, line, key);
    table.entries_.push_back({key, value(0), line});
  }

  TomlValue value(int depth) {
    TomlValue v;
    if (peek() == '"' || peek() == '\'') {
      v.text = quoted();
      return v;
    }
    if (peek() == '[') return list(depth);
    const std::size_t start = at_;
    while (!end() && (bare(peek()) || peek() == '+' || peek() == '.')) ++at_;
    std::string word(text_.substr(start, at_ - start));
    if (word == "true" || word == "false") {
      v.kind = TomlValue::Kind::Bool;
      v.flag = word == "true";
      return v;
    }
    std::erase(word, '_');
    const std::size_t sign = !word.empty() && word[0] == '+';
    const auto [stop, error] = std::from_chars(word.data() + sign, word.data() + word.size(), v.number);
    const bool number = error == std::errc{} && stop == word.data() + word.size() && std::isfinite(v.number);
    if (!number) at_ = start;
    expect(number, "a text in quotes, a number, true, false or a list");
    v.kind = TomlValue::Kind::Number;
    return v;
  }

  TomlValue list(int depth) {
    MEDUSA_CHECK_INPUT(depth < kDeepest, "{}:{}: more than {} lists in each other", name_, line_, kDeepest);
    TomlValue v;
    v.kind = TomlValue::Kind::List;
    ++at_;
    for (skip_empty(); peek() != ']'; skip_empty()) {
      v.items.push_back(value(depth + 1));
      skip_empty();
      if (peek() == ',')
        ++at_;
      else
        expect(peek() == ']', ", or ] in the list");
    }
    ++at_;
    return v;
  }

  std::string quoted() {
    const char quote = text_[at_++];
    std::string value;
    for (; !end() && peek() != quote; ++at_) {
      expect(peek() != '\n' && peek() != '\0', "the closing quote on the same line");
      if (quote == '"' && peek() == '\\') {
        ++at_;
        constexpr std::string_view kNames = "\"\\nt", kMeans = "\"\\\n\t";
        const std::size_t which = kNames.find(peek());
        expect(!end() && which != std::string_view::npos, "\\\", \\\\, \\n or \\t (a text in '...' needs none)");
        value += kMeans[which];
      } else
        value += peek();
    }
    take(quote, "the closing quote");
    return value;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
  std::vector<TomlTable> tables_;
  std::set<std::string> names_;
};

const TomlTable::Entry* TomlTable::find(const std::string& key, TomlValue::Kind kind) const {
  asked_.push_back(key);
  for (const Entry& e : entries_) {
    if (e.key != key) continue;
    MEDUSA_CHECK_INPUT(e.value.kind == kind, "{}:{}: {}: expected {}, found {}", file_, e.line, key, kind_name(kind),
                       kind_name(e.value.kind));
    return &e;
  }
  return nullptr;
}

bool TomlTable::has(const std::string& key) const {
  asked_.push_back(key);
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
}

std::string TomlTable::text(const std::string& key, const std::string& absent) const {
  const Entry* e = find(key, TomlValue::Kind::Text);
  return e != nullptr ? e->value.text : absent;
}

double TomlTable::number(const std::string& key, double absent) const {
  const Entry* e = find(key, TomlValue::Kind::Number);
  return e != nullptr ? e->value.number : absent;
}

std::vector<std::string> TomlTable::texts(const std::string& key) const {
  std::vector<std::string> values;
  const Entry* e = find(key, TomlValue::Kind::List);
  for (const TomlValue& item : e != nullptr ? e->value.items : std::vector<TomlValue>{}) {
    MEDUSA_CHECK_INPUT(item.kind == TomlValue::Kind::Text, "{}: {}: expected a list of texts in quotes, found {} in it",
                       where(key), key, kind_name(item.kind));
    values.push_back(item.text);
  }
  return values;
}

std::vector<double> TomlTable::numbers(const std::string& key) const {
  std::vector<double> values;
  for (const Entry& e : entries_)
    if (e.key == key && e.value.kind == TomlValue::Kind::Number) return {number(key, 0)};
  const Entry* e = find(key, TomlValue::Kind::List);
  for (const TomlValue& item : e != nullptr ? e->value.items : std::vector<TomlValue>{}) {
    MEDUSA_CHECK_INPUT(item.kind == TomlValue::Kind::Number, "{}: {}: expected a list of numbers, found {} in it",
                       where(key), key, kind_name(item.kind));
    values.push_back(item.number);
  }
  return values;
}

std::vector<std::vector<std::string>> TomlTable::lists(const std::string& key) const {
  std::vector<std::vector<std::string>> values;
  const Entry* e = find(key, TomlValue::Kind::List);
  for (const TomlValue& item : e != nullptr ? e->value.items : std::vector<TomlValue>{}) {
    MEDUSA_CHECK_INPUT(item.kind == TomlValue::Kind::List, "{}: {}: expected a list of lists, found {} in it",
                       where(key), key, kind_name(item.kind));
    values.emplace_back();
    for (const TomlValue& inner : item.items) {
      MEDUSA_CHECK_INPUT(inner.kind == TomlValue::Kind::Text, "{}: {}: expected lists of texts, found {} in one",
                         where(key), key, kind_name(inner.kind));
      values.back().push_back(inner.text);
    }
  }
  return values;
}

std::string TomlTable::where(const std::string& key) const {
  for (const Entry& e : entries_)
    if (e.key == key) return fmt::format("{}:{}", file_, e.line);
  return fmt::format("{}:{}", file_, line);
}

void TomlTable::check_all_known() const {
  const std::set<std::string> known(asked_.begin(), asked_.end());
  for (const Entry& e : entries_)
    MEDUSA_CHECK_INPUT(known.contains(e.key), "{}:{}: {} is no key of {}; there are: {}", file_, e.line, e.key,
                       name.empty() ? "the file" : fmt::format("[{}]", name), fmt::join(known, ", "));
}

std::vector<TomlTable> parse_toml(std::string_view text, const std::string& name) {
  MEDUSA_CHECK_INPUT(text.find('\0') == std::string_view::npos, "{}: is not a text file", name);
  return TomlParser(text, name).tables();
}

std::vector<TomlTable> read_toml(const std::string& path) { return parse_toml(read_text_file(path, 1 << 20), path); }

}  // namespace medusa::datasets

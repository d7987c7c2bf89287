#include "datasets/formats/csv.h"

#include <algorithm>

#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
  }

  bool end() const { return at_ >= text_.size(); }
  std::int64_t line() const { return line_; }

  // The fields of one record, about `expected` of them; moves `at_` past its line break.
  std::vector<std::string> record(std::size_t expected) {
    std::vector<std::string> fields;
    fields.reserve(std::max<std::size_t>(expected, 1));
    fields.push_back(field());
    while (!end() && text_[at_] == ',') {
      ++at_;
      fields.push_back(field());
    }
    take_line_break();
    return fields;
  }

 private:
  bool at_line_break() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
  }

  void take_line_break() {
    if (end()) return;
    if (text_[at_] == '\r') ++at_;
    if (!end()) ++at_;
    ++line_;
  }

  std::string field() {
    if (!end() && text_[at_] == '"') return quoted();
    const char *const start = text_.data() + at_, *const stop = text_.data() + text_.size();
    const char* p = start;
    while (p != stop && *p != ',' && *p != '\n' && *p != '\r') ++p;
    at_ += static_cast<std::size_t>(p - start);
    while (!end() && text_[at_] != ',' && !at_line_break()) ++at_;  // a carriage return within the line
    return std::string(start, text_.data() + at_);
  }

  std::string quoted() {
    const std::int64_t start = line_;
    std::string value;
    for (++at_; !end(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') break;
        ++at_;  // "" stands for one quote
      }
      if (text_[at_] == '\n') ++line_;
      value += text_[at_];
    }
    MEDUSA_CHECK_INPUT(!end(), "{}:{}: a quote is not closed", name_, start);
    ++at_;
    MEDUSA_CHECK_INPUT(end() || text_[at_] == ',' || at_line_break(), "{}:{}: text after a closing quote", name_,
                       line_);
    return value;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

// Added to a message if a header of one field looks like several fields in another dialect.
std::string dialect_hint(const std::vector<std::string>& header) {
  if (header.size() != 1) return "";
  for (const auto& [c, name] : {std::pair{';', "semicolons"}, {'\t', "tabs"}})
    if (header[0].find(c) != std::string::npos)
      return fmt::format("; its fields seem to be separated by {}, expected commas", name);
  return "";
}

}  // namespace

std::size_t Table::column(const std::string& title) const {
  const auto found = std::find(header.begin(), header.end(), title);
  MEDUSA_CHECK_INPUT(found != header.end(), "{}: has no column {}; it has: {}{}", name, title, fmt::join(header, ", "),
                     dialect_hint(header));
  return static_cast<std::size_t>(found - header.begin());
}

std::string Table::where(std::size_t row) const { return fmt::format("{}:{}", name, lines.at(row)); }

Table parse_csv(std::string_view text, const std::string& name) {
  MEDUSA_CHECK_INPUT(text.find('\0') == std::string_view::npos, "{}: is not a text file", name);
  Table table;
  table.name = name;
  const auto breaks = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  table.rows.reserve(breaks), table.lines.reserve(breaks);
  Parser parser(text, name);
  while (!parser.end()) {
    const std::int64_t line = parser.line();
    std::vector<std::string> fields = parser.record(table.header.size());
    if (fields.size() == 1 && fields[0].empty()) continue;  // an empty line
    if (table.header.empty()) {
      table.header = std::move(fields);
      continue;
    }
    MEDUSA_CHECK_INPUT(fields.size() == table.header.size(), "{}:{}: {} fields, the header has {}{}", name, line,
                       fields.size(), table.header.size(), dialect_hint(table.header));
    table.rows.push_back(std::move(fields));
    table.lines.push_back(line);
  }
  MEDUSA_CHECK_INPUT(!table.header.empty(), "{}: is empty, expected a header line", name);
  return table;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

Table read_csv(const std::string& path) { return parse_csv(read_text_file(path), path); }

}  // namespace medusa::datasets

#include "datasets/formats/csv.h"

#include <algorithm>
#include <map>

#include "datasets/formats/header_text.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace medusa::datasets {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    find_separator();
  }

  bool end() const { return at_ >= text_.size(); }
  std::int64_t line() const { return line_; }

  // The fields of one record, about `expected` of them; moves `at_` past its line break.
  std::vector<std::string> record(std::size_t expected) {
    std::vector<std::string> fields;
    fields.reserve(std::max<std::size_t>(expected, 1));
    fields.push_back(field());
    while (!end() && text_[at_] == separator_) {
      ++at_;
      fields.push_back(field());
    }
    take_line_break();
    return fields;
  }

 private:
  // In the first line that is not empty: a comma, or what stands there instead.
  void find_separator() {
    bool quotes = false, comma = false, semicolon = false, tab = false;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '"') quotes = !quotes;
      if (quotes) continue;
      if (c == '\n' && text_.find_first_not_of("\r\n", at_) < i) break;
      comma = comma || c == ',';
      semicolon = semicolon || c == ';';
      tab = tab || c == '\t';
    }
    if (!comma && (semicolon || tab)) separator_ = semicolon ? ';' : '\t';
  }

  bool at_line_break() const {
    return text_[at_] == '\n' || (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
  }

  void take_line_break() {
    if (end()) return;
    if (text_[at_] == '\r') ++at_;
    if (!end()) ++at_;
    ++line_;
  }

  bool at_blank() const { return text_[at_] == ' ' || (text_[at_] == '\t' && separator_ != '\t'); }

  std::string field() {
    while (!end() && at_blank()) ++at_;
    if (!end() && text_[at_] == '"') return quoted();
    const char *const start = text_.data() + at_, *const stop = text_.data() + text_.size();
    const char* p = start;
    while (p != stop && *p != separator_ && *p != '\n' && *p != '\r') ++p;
    at_ += static_cast<std::size_t>(p - start);
    while (!end() && text_[at_] != separator_ && !at_line_break()) ++at_;  // a carriage return within the line
    const char* last = text_.data() + at_;
    while (last != start && (last[-1] == ' ' || last[-1] == '\t')) --last;
    return std::string(start, last);
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
    while (!end() && at_blank()) ++at_;
    MEDUSA_CHECK_INPUT(end() || text_[at_] == separator_ || at_line_break(), "{}:{}: text after a closing quote", name_,
                       line_);
    return value;
  }

  std::string_view text_;
  const std::string& name_;
  char separator_ = ',';
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

bool without_values(const std::vector<std::string>& fields) {
  return std::all_of(fields.begin(), fields.end(), [](const std::string& f) { return f.empty(); });
}

bool has_values(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const auto& row) { return !row[column].empty(); });
}

bool numbers_the_rows(const Table& table, std::size_t column) {
  return std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    return !row[column].empty() && row[column].find_first_not_of("0123456789") == std::string::npos;
  });
}

// Leaves out the columns without a name that say nothing, and checks the names of the others.
void check_header(Table* table, std::int64_t line) {
  const std::size_t columns = table->header.size();
  std::vector<bool> left_out(columns);
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t c = 0; c < columns; ++c) {
    if (table->header[c].empty()) {
      left_out[c] = !has_values(*table, c) || (c == 0 && numbers_the_rows(*table, c));
      MEDUSA_CHECK_INPUT(left_out[c], "{}:{}: column {} has no name", table->name, line, c + 1);
      continue;
    }
    MEDUSA_CHECK_INPUT(is_utf8(table->header[c]), "{}:{}: the name of column {} is not UTF-8 text: {}", table->name,
                       line, c + 1, table->header[c]);
    const auto [first, fresh] = seen.emplace(table->header[c], c);
    MEDUSA_CHECK_INPUT(fresh, "{}:{}: column {} is there twice, in places {} and {}", table->name, line,
                       table->header[c], first->second + 1, c + 1);
  }
  seen.clear();
  if (std::find(left_out.begin(), left_out.end(), true) == left_out.end()) return;
  const auto keep = [&](std::vector<std::string>* fields) {
    std::size_t to = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      if (left_out[c]) continue;
      if (to != c) (*fields)[to] = std::move((*fields)[c]);
      ++to;
    }
    fields->resize(to);
  };
  keep(&table->header);
  std::size_t to = 0;
  for (std::size_t r = 0; r < table->rows.size(); ++r) {
    keep(&table->rows[r]);
    if (without_values(table->rows[r])) continue;  // it had a row number alone
    if (to != r) table->rows[to] = std::move(table->rows[r]);
    table->lines[to++] = table->lines[r];
  }
  table->rows.resize(to);
  table->lines.resize(to);
}

}  // namespace

std::size_t Table::column(const std::string& title) const {
  const auto found = std::find(header.begin(), header.end(), title);
  MEDUSA_CHECK_INPUT(found != header.end(), "{}: has no column {}; it has: {}{}", name, title, first_names(header),
                     did_you_mean(title, header));
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
  std::int64_t header_line = 1;
  while (!parser.end()) {
    const std::int64_t line = parser.line();
    std::vector<std::string> fields = parser.record(table.header.size());
    if (without_values(fields)) continue;
    if (table.header.empty()) {
      table.header = std::move(fields);
      header_line = line;
      continue;
    }
    while (fields.size() > table.header.size() && fields.back().empty()) fields.pop_back();
    MEDUSA_CHECK_INPUT(fields.size() == table.header.size(), "{}:{}: {} fields, the header has {}", name, line,
                       fields.size(), table.header.size());
    table.rows.push_back(std::move(fields));
    table.lines.push_back(line);
  }
  MEDUSA_CHECK_INPUT(!table.header.empty(), "{}: is empty, expected a header line", name);
  check_header(&table, header_line);
  return table;
}

std::string csv_field(const std::string& text) {
  if (trimmed(text) == text && text.find_first_of(",;\t\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

Table read_csv(const std::string& path) { return parse_csv(read_text_file(path), path); }

}  // namespace medusa::datasets

#include "tools/cli/config_file.h"

#include <set>

#include "tensor/check.h"
#include "tensor/options.h"
#include "tensor/text.h"

namespace medusa::tools {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::vector<ConfigLine> lines() {
    std::vector<ConfigLine> all;
    std::set<std::string> seen;
    for (skip_empty(); !end(); skip_empty()) {
      ConfigLine one{name(), {}, line_};
      skip_blanks();
      if (!end() && text_[at_] == '=') {
        ++at_;
        one.values = values();
      } else {
        one.values = {"true"};
      }
      end_line();
      if (!all.empty() && all.back().name == one.name) {  // a list, a value a line
        all.back().values.insert(all.back().values.end(), one.values.begin(), one.values.end());
        continue;
      }
      MEDUSA_CHECK_INPUT(seen.insert(one.name).second, "{}:{}: {} is there twice", where_, one.line, one.name);
      all.push_back(std::move(one));
    }
    return all;
  }

 private:
  bool end() const { return at_ >= text_.size(); }
  bool blank() const { return text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r'; }
  [[noreturn]] void bad(const std::string& what) const { fail_input("{}:{}: {}", where_, line_, what); }

  void skip_blanks() {
    while (!end() && blank()) ++at_;
  }
  void skip_comment() {
    if (!end() && text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size());
  }
  void take_line_break() {
    if (end()) return;
    ++at_;
    ++line_;
  }
  // Blanks, comments and line breaks.
  void skip_empty() {
    for (;;) {
      skip_blanks();
      skip_comment();
      if (!end() && text_[at_] == ';') at_ = std::min(text_.find('\n', at_), text_.size());
      if (end() || text_[at_] != '\n') return;
      take_line_break();
    }
  }
  void end_line() {
    skip_blanks();
    skip_comment();
    if (!end() && text_[at_] != '\n') bad("text after the value");
    take_line_break();
  }

  std::string name() {
    if (text_[at_] == '[') bad("expected NAME = VALUE, found a table");
    if (text_[at_] == '"' || text_[at_] == '\'') return quoted();
    const std::size_t from = at_;
    while (!end() && !blank() && text_[at_] != '=' && text_[at_] != '#' && text_[at_] != '\n') ++at_;
    if (at_ == from) bad("expected NAME = VALUE");
    return std::string(text_.substr(from, at_ - from));
  }

  std::vector<std::string> values() {
    skip_blanks();
    if (end() || text_[at_] == '\n' || text_[at_] == '#') bad("has no value");
    if (text_[at_] == '[') return list();
    std::vector<std::string> all{value(" ,")};
    for (;;) {  // "a, b" and "a b" without brackets
      skip_blanks();
      if (!end() && text_[at_] == ',') ++at_;
      skip_blanks();
      if (end() || text_[at_] == '\n' || text_[at_] == '#') return all;
      all.push_back(value(" ,"));
    }
  }

  std::vector<std::string> list() {
    const std::int64_t first = line_;
    const auto open = [&] {
      skip_empty();
      if (!end()) return;
      line_ = first;
      bad("a list is not closed");
    };
    std::vector<std::string> all;
    ++at_;
    for (open(); text_[at_] != ']'; open()) {
      all.push_back(value(",]"));
      open();
      if (text_[at_] == ',')
        ++at_;
      else if (text_[at_] != ']')
        bad("expected a comma or ] after a value of a list");
    }
    ++at_;
    return all;
  }

  std::string value(std::string_view stops) {
    if (text_[at_] == '"' || text_[at_] == '\'') return quoted();
    const std::size_t from = at_;
    while (!end() && text_[at_] != '\n' && text_[at_] != '#' && stops.find(text_[at_]) == std::string_view::npos) ++at_;
    std::size_t last = at_;
    while (last > from && (text_[last - 1] == ' ' || text_[last - 1] == '\t' || text_[last - 1] == '\r')) --last;
    if (last == from) bad("has an empty value");
    return std::string(text_.substr(from, last - from));
  }

  std::string quoted() {
    const std::size_t from = at_;
    const char quote = text_[at_];
    for (++at_; !end() && text_[at_] != quote && text_[at_] != '\n'; ++at_)
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    if (end() || text_[at_] != quote) bad("a quote is not closed");
    ++at_;
    return text_of_toml(text_.substr(from, at_ - from));
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

std::vector<ConfigLine> read_config(std::string_view text, const std::string& where) {
  check_nesting(text, where);
  MEDUSA_CHECK_INPUT(text.find('\0') == std::string_view::npos, "{}: is not a text file", where);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Parser(text, where).lines();
}

}  // namespace medusa::tools

// Config files: options as lines "name = value".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medusa::tools {

struct ConfigLine {
  std::string name;
  std::vector<std::string> values;  // as a command line has them: without quotes, a list's one by one
  std::int64_t line = 0;
};

// The lines of a config file; `where` names it.  Values are those of TOML, texts in "..." (with escapes) or '...' and
// lists in [...], which may take several lines; a word needs no quotes.  '#', and ';' at the beginning of a line, begin
// a comment; a name alone is a flag.  Throws InputError with file and line for a table, a text or list that is not
// closed, a name that is there twice.
std::vector<ConfigLine> read_config(std::string_view text, const std::string& where);

}  // namespace medusa::tools

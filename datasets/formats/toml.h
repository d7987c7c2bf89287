// Descriptions in TOML (https://toml.io), read with toml++: tables in the order of the file, and getters that say in
// which line something is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medusa::datasets {

struct TomlValue {
  enum class Kind { Text, Number, Bool, List, Date, Table };
  Kind kind = Kind::Text;
  std::string text;
  double number = 0;
  bool flag = false;
  std::vector<TomlValue> items;
};

// One [name] with its keys.  The getters throw InputError "file:line: ..." with what was expected and what was found,
// and remember which keys were asked for.
class TomlTable {
 public:
  std::string name;  // "input.ct"; "" above the first [name]
  std::int64_t line = 0;

  bool has(const std::string& key) const;
  std::string text(const std::string& key, const std::string& absent) const;
  double number(const std::string& key, double absent) const;
  std::vector<std::string> texts(const std::string& key) const;               // empty if the key is absent
  std::vector<double> numbers(const std::string& key) const;                  // a single number is a list of one
  std::vector<std::vector<std::string>> lists(const std::string& key) const;  // a list of lists of texts
  // "file:line" of the key, or of the table where it has no such key.
  std::string where(const std::string& key) const;
  // Throws InputError if there is a key that no getter asked for: otherwise a misspelt one would go unnoticed.
  void check_all_known() const;

 private:
  friend class TomlFlattener;
  struct Entry {
    std::string key;
    TomlValue value;
    std::int64_t line;
  };
  const Entry* find(const std::string& key, TomlValue::Kind kind) const;

  std::string file_;
  std::vector<Entry> entries_;
  mutable std::vector<std::string> asked_;
};

// The tables in the order of the file; the first, "", holds the keys above all others; a table in a table is named
// "outer.inner".  Throws InputError with file:line if the text is not valid TOML, or a number is nan or inf.
std::vector<TomlTable> parse_toml(std::string_view text, const std::string& name);
std::vector<TomlTable> read_toml(const std::string& path);

}  // namespace medusa::datasets

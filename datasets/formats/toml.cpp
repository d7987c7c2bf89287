#include "datasets/formats/toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace medusa::datasets {
namespace {

const char* kind_name(TomlValue::Kind kind) {
  constexpr const char* kNames[] = {"a text in quotes", "a number", "true or false",
                                    "a list in [ ]",    "a date",   "a table"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::int64_t line_of(const toml::node& node) { return node.source().begin.line; }

TomlValue value_of(const toml::node& node, const std::string& name) {
  TomlValue v;
  using enum TomlValue::Kind;
  if (const auto* text = node.as_string()) {
    v.text = text->get();
  } else if (node.is_number()) {
    v.kind = Number;
    v.number = node.is_integer() ? static_cast<double>(node.as_integer()->get()) : node.as_floating_point()->get();
    MEDUSA_CHECK_INPUT(std::isfinite(v.number), "{}:{}: expected a number, found {}", name, line_of(node), v.number);
  } else if (const auto* flag = node.as_boolean()) {
    v.kind = Bool;
    v.flag = flag->get();
  } else if (const auto* list = node.as_array()) {
    v.kind = List;
    for (const toml::node& item : *list) v.items.push_back(value_of(item, name));
  } else {
    v.kind = node.is_table() ? Table : Date;
  }
  return v;
}

}  // namespace

// Turns toml++'s tree, which is sorted by name, into a flat list of tables in the order of the file.
class TomlFlattener {
 public:
  explicit TomlFlattener(const std::string& name) : name_(name) {}

  void add(const toml::table& from, const std::string& title) {
    TomlTable table;
    table.name = title;
    table.line = line_of(from);
    table.file_ = name_;
    bool inner = false;
    for (const auto& [key, node] : from) {
      MEDUSA_CHECK_INPUT(!key.str().empty(), "{}:{}: \"\": expected a name that is not empty", name_,
                         key.source().begin.line);
      MEDUSA_CHECK_INPUT(key.str().find('.') == std::string_view::npos, "{}:{}: \"{}\": expected a name without a dot",
                         name_, key.source().begin.line, key.str());
      if (const toml::table* child = node.as_table()) {
        inner = true;
        add(*child, title.empty() ? std::string(key.str()) : fmt::format("{}.{}", title, key.str()));
      } else {
        table.entries_.push_back({std::string(key.str()), value_of(node, name_), key.source().begin.line});
      }
    }
    // [input.ct] also makes a table `input`, which the file does not have.
    if (title.empty() || !table.entries_.empty() || !inner) tables_.push_back(std::move(table));
  }

  std::vector<TomlTable> tables() {
    std::stable_sort(tables_.begin(), tables_.end(), [](const TomlTable& a, const TomlTable& b) {
      if (a.name.empty() != b.name.empty()) return a.name.empty();
      return a.line < b.line;
    });
    return std::move(tables_);
  }

 private:
  const std::string& name_;
  std::vector<TomlTable> tables_;
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
    MEDUSA_CHECK_INPUT(known.contains(e.key), "{}:{}: {} is not a key of {}; there are: {}", file_, e.line, e.key,
                       name.empty() ? "the file" : fmt::format("[{}]", name), fmt::join(known, ", "));
}

std::vector<TomlTable> parse_toml(std::string_view text, const std::string& name) {
  MEDUSA_CHECK_INPUT(text.find('\0') == std::string_view::npos, "{}: is not a text file", name);
  if (const std::size_t deep = too_deep(text); deep != std::string_view::npos)
    fail_input("{}:{}: is nested too deeply: more than {} levels", name,
               1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(deep), '\n'), kMostNesting);
  TomlFlattener flattener(name);
  try {
    flattener.add(toml::parse(text), "");
  } catch (const toml::parse_error& error) {
    fail_input("{}:{}: {}", name, error.source().begin.line, error.description());
  }
  return flattener.tables();
}

std::vector<TomlTable> read_toml(const std::string& path) { return parse_toml(read_text_file(path, 1 << 20), path); }

}  // namespace medusa::datasets

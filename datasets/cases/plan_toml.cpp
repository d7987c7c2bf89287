#include "datasets/cases/plan_toml.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

std::int64_t whole(const TomlTable& table, const std::string& key, std::int64_t absent, std::int64_t most) {
  const double value = table.number(key, static_cast<double>(absent));
  MEDUSA_CHECK_INPUT(value >= 1 && value <= static_cast<double>(most) && value == std::floor(value),
                     "{}: {} is {}, expected a whole number from 1 to {}", table.where(key), key, value, most);
  return static_cast<std::int64_t>(value);
}

CaseInput read_input(const TomlTable& table, const std::string& name) {
  CaseInput input;
  input.name = name;
  input.column = table.text("column", name);
  input.channels = whole(table, "channels", 1, 64);
  const std::vector<double> window = table.numbers("window");
  MEDUSA_CHECK_INPUT(window.empty() || (window.size() == 2 && window[0] < window[1]),
                     "{}: window: expected two numbers, the lower end first, such as [-160, 240]",
                     table.where("window"));
  if (!window.empty()) input.window = {{window[0], window[1]}};
  input.mean = table.numbers("mean");
  const char* std_key = table.has("std") ? "std" : "deviation";  // the key's older name, which runs keep
  input.std = table.numbers(std_key);
  const auto fits = [&](const auto& v) {
    return v.size() == 1 || v.size() == static_cast<std::size_t>(input.channels);
  };
  MEDUSA_CHECK_INPUT((input.mean.empty() && input.std.empty()) || (fits(input.mean) && fits(input.std)),
                     "{}: mean has {} numbers and {} {}, expected both with 1 or {}", table.where("mean"),
                     input.mean.size(), std_key, input.std.size(), input.channels);
  for (double d : input.std)
    MEDUSA_CHECK_INPUT(d > 0, "{}: {} is {}, expected more than 0", table.where(std_key), std_key, d);
  const std::string normalise = table.text("normalise", "");
  MEDUSA_CHECK_INPUT(normalise.empty() || (normalise == "case" && input.mean.empty()),
                     "{}: normalise is \"{}\", expected \"case\", without mean and std", table.where("normalise"),
                     normalise);
  input.by_case = normalise == "case";
  return input;
}

std::vector<std::array<std::size_t, 2>> read_pairs(const TomlTable& table, const std::vector<std::string>& classes) {
  std::vector<std::array<std::size_t, 2>> pairs;
  for (const auto& names : table.lists("mirrored")) {
    MEDUSA_CHECK_INPUT(names.size() == 2, "{}: mirrored: expected pairs of classes, found {} names in one",
                       table.where("mirrored"), names.size());
    std::array<std::size_t, 2> pair{};
    for (std::size_t k = 0; k < 2; ++k) {
      const auto found = std::find(classes.begin(), classes.end(), names[k]);
      MEDUSA_CHECK_INPUT(found != classes.end(), "{}: mirrored: class {} is unknown; there are: {}",
                         table.where("mirrored"), names[k], fmt::join(classes, ", "));
      pair[k] = static_cast<std::size_t>(found - classes.begin());
    }
    pairs.push_back(pair);
  }
  return pairs;
}

// Refuses keys that do not apply to the target's kind: they would have no effect.
void check_keys(const TomlTable& table, const KindTraits& kind) {
  const auto only = [&](const char* key, bool fits) {
    MEDUSA_CHECK_INPUT(fits || !table.has(key), "{}: {} does not apply to targets of kind {}", table.where(key), key,
                       kind.name);
  };
  only("values", kind.pixel_level && kind.exclusive);
  only("unit", kind.in_units);
  only("scale", kind.in_units);
  only("channels", kind.pixel_level && kind.in_units);
  only("mask", kind.pixel_level && !kind.channel_mask);
  only("mirrored", kind.pixel_level && !kind.in_units);
  only("columns", kind.column_per_channel);
  only("column", !kind.column_per_channel);
}

// Reads a field of optional_fields; if the table does not have it, it keeps its value.
void read_field(const TomlTable& table, const char* key, double* value) { *value = table.number(key, *value); }
void read_field(const TomlTable& table, const char* key, std::string* value) { *value = table.text(key, *value); }

TaskKind read_kind(const TomlTable& table) {
  std::vector<std::string> kinds;
  for (const KindTraits& row : task_kinds()) kinds.emplace_back(row.name);
  const std::string kind = table.text("kind", ""), last = kinds.back();
  kinds.pop_back();
  MEDUSA_CHECK_INPUT(!kind.empty(), "{}: [{}] has no kind, expected {} or {}", table.where("kind"), table.name,
                     fmt::join(kinds, ", "), last);
  try {
    return task_kind(kind);
  } catch (const InputError& error) {
    fail_input("{}: {}", table.where("kind"), error.what());
  }
}

CaseTarget read_target(const TomlTable& table, const std::string& name, TargetColumns* columns) {
  CaseTarget target;
  TargetInfo& info = target.info;
  info.name = name;
  info.kind = read_kind(table);
  const KindTraits& kind = info.traits();
  check_keys(table, kind);
  info.classes = table.texts("classes");
  if (kind.column_per_channel) {
    columns->files_or_labels = table.texts("columns");
    if (info.classes.empty()) info.classes = columns->files_or_labels;
    if (info.classes.empty() && !kind.pixel_level) info.classes = {name};
    if (columns->files_or_labels.empty()) columns->files_or_labels = info.classes;
    MEDUSA_CHECK_INPUT(columns->files_or_labels.size() == info.classes.size(), "{}: {} columns, but {} classes",
                       table.where("columns"), columns->files_or_labels.size(), info.classes.size());
  } else {
    columns->files_or_labels = {table.text("column", name)};
  }
  optional_fields([&](const char* key, auto field) { read_field(table, key, &(info.*field)); });
  MEDUSA_CHECK_INPUT(info.scale > 0, "{}: scale is {}, expected more than 0", table.where("scale"), info.scale);
  MEDUSA_CHECK_INPUT(info.loss_weight >= 0, "{}: loss_weight is {}, expected 0 or more", table.where("loss_weight"),
                     info.loss_weight);
  if (kind.pixel_level && kind.in_units) {
    info.channels = whole(table, "channels", 1, 64);
    if (info.classes.empty() && info.channels == 1) info.classes = {name};
  } else {
    if (kind.pixel_level && kind.exclusive && info.classes.empty()) info.classes = {name};
    info.channels = static_cast<std::int64_t>(info.classes.size());
    const std::int64_t least = kind.exclusive && !kind.pixel_level ? 2 : 1;
    MEDUSA_CHECK_INPUT(info.channels >= least && info.channels <= static_cast<std::int64_t>(kMostClasses),
                       "{}: [{}] has {} classes, expected {} to {}", table.where("classes"), table.name, info.channels,
                       least, kMostClasses);
    MEDUSA_CHECK_INPUT(std::set<std::string>(info.classes.begin(), info.classes.end()).size() == info.classes.size(),
                       "{}: classes: a name occurs twice", table.where("classes"));
  }
  target.values = table.numbers("values");
  const std::size_t expected = info.channels == 1 ? 2 : info.classes.size();
  MEDUSA_CHECK_INPUT(target.values.empty() || target.values.size() == expected,
                     "{}: values has {} numbers, expected {}{}", table.where("values"), target.values.size(), expected,
                     info.channels == 1 ? ": outside and inside" : ": one for each class");
  target.mirrored = read_pairs(table, info.classes);
  columns->mask = table.text("mask", "");
  columns->only_if = table.text("only_if", "");
  columns->where = fmt::format("{} of [{}]", table.where("kind"), table.name);
  return target;
}

// A TOML string.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (c == '\n' || c == '\t')
      out += c == '\n' ? "\\n" : "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", static_cast<int>(c));
    else
      out += c;
  }
  return out + '"';
}
std::string toml_value(const std::string& text) { return quoted(text); }
// As it is read back: -0 has no whole-number form in TOML, so it is 0.
std::string toml_value(double number) { return fmt::format("{}", number == 0 ? 0.0 : number); }
std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + quoted(text);
  return "[" + out + "]";
}
template <class Numbers>
std::string list_of_numbers(const Numbers& numbers) {
  std::string out;
  for (const double number : numbers) out += (out.empty() ? "" : ", ") + toml_value(number);
  return "[" + out + "]";
}

// The name of a table: bare where TOML allows it.
std::string title(const char* kind, const std::string& name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
  return fmt::format("\n[{}.{}]\n", kind, bare ? name : quoted(name));
}

std::string text_of(const CaseInput& input) {
  std::string text = title("input", input.name);
  if (input.column != input.name) text += fmt::format("column = {}\n", quoted(input.column));
  if (input.channels != 1) text += fmt::format("channels = {}\n", input.channels);
  if (input.window) text += fmt::format("window = {}\n", list_of_numbers(*input.window));
  if (!input.mean.empty())
    text += fmt::format("mean = {}\ndeviation = {}\n", list_of_numbers(input.mean), list_of_numbers(input.std));
  if (input.by_case) text += "normalise = \"case\"\n";
  return text;
}

std::string text_of(const CaseTarget& target) {
  const TargetInfo& info = target.info;
  std::string text = title("target", info.name) + fmt::format("kind = \"{}\"\n", name(info.kind));
  if (!info.classes.empty()) text += fmt::format("classes = {}\n", list_of(info.classes));
  if (!target.values.empty()) text += fmt::format("values = {}\n", list_of_numbers(target.values));
  if (info.traits().pixel_level && info.traits().in_units && info.channels != 1)
    text += fmt::format("channels = {}\n", info.channels);
  optional_fields([&](const char* key, auto field) {
    if (info.*field != TargetInfo{}.*field) text += fmt::format("{} = {}\n", key, toml_value(info.*field));
  });
  std::vector<std::string> pairs;
  for (const auto& [a, b] : target.mirrored) pairs.push_back(list_of({info.classes[a], info.classes[b]}));
  if (!pairs.empty()) text += fmt::format("mirrored = [{}]\n", fmt::join(pairs, ", "));
  return text;
}

}  // namespace

std::string description_text(const CasePlan& plan, const Extent& size) {
  std::string text = fmt::format("size = \"{}\"\n", size.text());
  if (!plan.spacing.empty())
    text += fmt::format("spacing = {}\n", list_of_numbers(plan.spacing));
  else if (plan.field_of_view > 0)
    text += fmt::format("field_of_view = {}\n", toml_value(plan.field_of_view));
  for (const CaseInput& input : plan.inputs) text += text_of(input);
  for (const CaseTarget& target : plan.targets) text += text_of(target);
  return text;
}

Description read_description(const std::vector<TomlTable>& tables, const std::string& file) {
  Description d;
  for (const TomlTable& table : tables) {
    const std::size_t dot = table.name.find('.');
    const std::string kind = table.name.substr(0, dot),
                      name = dot == std::string::npos ? "" : table.name.substr(dot + 1);
    if (table.name.empty()) continue;
    MEDUSA_CHECK_INPUT((kind == "input" || kind == "target") && !name.empty() && name.find('.') == std::string::npos,
                       "{}: [{}]: expected [input.NAME] or [target.NAME]", table.where(""), table.name);
    if (kind == "input") {
      d.plan.inputs.push_back(read_input(table, name));
    } else {
      TargetColumns columns;
      d.plan.targets.push_back(read_target(table, name, &columns));
      d.target_columns.push_back(std::move(columns));
    }
    table.check_all_known();
  }
  MEDUSA_CHECK_INPUT(!d.plan.inputs.empty(), "{}: has no [input.NAME]", file);
  MEDUSA_CHECK_INPUT(!d.plan.targets.empty(), "{}: has no [target.NAME]", file);
  const TomlTable& top = tables.front();
  d.plan.spacing = top.numbers("spacing");
  if (d.plan.spacing.size() == 1) d.plan.spacing.assign(3, d.plan.spacing[0]);
  MEDUSA_CHECK_INPUT(d.plan.spacing.empty() || d.plan.spacing.size() == 3,
                     "{}: spacing has {} numbers, expected 1 or 3 (mm along depth, height, width)",
                     top.where("spacing"), d.plan.spacing.size());
  for (double mm : d.plan.spacing)
    MEDUSA_CHECK_INPUT(mm > 0 && mm <= 1000, "{}: spacing is {} mm, expected more than 0, up to 1000",
                       top.where("spacing"), mm);
  d.plan.field_of_view = top.number("field_of_view", 0);
  MEDUSA_CHECK_INPUT(d.plan.field_of_view > 0 || !top.has("field_of_view"),
                     "{}: field_of_view is {} mm, expected more than 0", top.where("field_of_view"),
                     d.plan.field_of_view);
  for (const char* key : {"manifest", "size"}) top.text(key, "");
  top.check_all_known();
  return d;
}

}  // namespace medusa::datasets

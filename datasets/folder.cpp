#include "datasets/folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "datasets/case_file.h"
#include "datasets/csv.h"
#include "datasets/header_text.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

// Where a target's labels stand in the table.
struct Columns {
  std::vector<std::string> files_or_labels;
  std::string mask, only_if;
  std::string where;  // of the target in dataset.toml
};

struct Description {
  CasePlan plan;
  std::vector<std::string> input_columns;
  std::vector<Columns> target_columns;
};

std::int64_t whole(const TomlTable& table, const std::string& key, std::int64_t absent, std::int64_t most) {
  const double value = table.number(key, static_cast<double>(absent));
  MEDUSA_CHECK_INPUT(value >= 1 && value <= static_cast<double>(most) && value == std::floor(value),
                     "{}: {} is {}, expected a whole number from 1 to {}", table.where(key), key, value, most);
  return static_cast<std::int64_t>(value);
}

CaseInput read_input(const TomlTable& table, const std::string& name) {
  CaseInput input;
  input.name = name;
  input.channels = whole(table, "channels", 1, 64);
  const std::vector<double> window = table.numbers("window");
  MEDUSA_CHECK_INPUT(window.empty() || (window.size() == 2 && window[0] < window[1]),
                     "{}: window: expected two numbers, the lower end first, such as [-160, 240]",
                     table.where("window"));
  if (!window.empty()) input.window = {{window[0], window[1]}};
  input.mean = table.numbers("mean");
  input.deviation = table.numbers("deviation");
  const auto fits = [&](const auto& v) {
    return v.size() == 1 || v.size() == static_cast<std::size_t>(input.channels);
  };
  MEDUSA_CHECK_INPUT((input.mean.empty() && input.deviation.empty()) || (fits(input.mean) && fits(input.deviation)),
                     "{}: mean has {} numbers and deviation {}, expected both with 1 or {}", table.where("mean"),
                     input.mean.size(), input.deviation.size(), input.channels);
  for (double d : input.deviation)
    MEDUSA_CHECK_INPUT(d > 0, "{}: deviation is {}, expected more than 0", table.where("deviation"), d);
  const std::string normalise = table.text("normalise", "");
  MEDUSA_CHECK_INPUT(normalise.empty() || (normalise == "case" && input.mean.empty()),
                     "{}: normalise is \"{}\", expected \"case\", without mean and deviation", table.where("normalise"),
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

// Keys that one kind of target has and another has not are refused, for they would have no effect.
void check_keys(const TomlTable& table, TaskKind kind) {
  const auto only_for = [&](const char* key, std::initializer_list<TaskKind> kinds) {
    MEDUSA_CHECK_INPUT(std::find(kinds.begin(), kinds.end(), kind) != kinds.end() || !table.has(key),
                       "{}: {}: a target of kind {} has none", table.where(key), key, name(kind));
  };
  using enum TaskKind;
  only_for("values", {Segmentation});
  only_for("unit", {Regression});
  only_for("scale", {Regression});
  only_for("channels", {Regression});
  only_for("mask", {Segmentation, Regression});
  only_for("mirrored", {Segmentation, Structures});
  only_for("columns", {Structures, Binary});
  only_for("column", {Segmentation, Regression, Classification});
}

CaseTarget read_target(const TomlTable& table, const std::string& name, Columns* columns) {
  CaseTarget target;
  TargetInfo& info = target.info;
  info.name = name;
  const std::string kind = table.text("kind", "");
  MEDUSA_CHECK_INPUT(!kind.empty(),
                     "{}: [{}] has no kind, expected segmentation, structures, regression, "
                     "classification or binary",
                     table.where("kind"), table.name);
  try {
    info.kind = task_kind(kind);
  } catch (const InputError& error) {
    fail_input("{}: {}", table.where("kind"), error.what());
  }
  check_keys(table, info.kind);
  info.classes = table.texts("classes");
  const bool many = info.kind == TaskKind::Structures || info.kind == TaskKind::Binary;
  if (many) {
    columns->files_or_labels = table.texts("columns");
    if (info.classes.empty()) info.classes = columns->files_or_labels;
    if (info.classes.empty() && info.kind == TaskKind::Binary) info.classes = {name};
    if (columns->files_or_labels.empty()) columns->files_or_labels = info.classes;
    MEDUSA_CHECK_INPUT(columns->files_or_labels.size() == info.classes.size(), "{}: {} columns, but {} classes",
                       table.where("columns"), columns->files_or_labels.size(), info.classes.size());
  } else {
    columns->files_or_labels = {table.text("column", name)};
  }
  if (info.kind == TaskKind::Regression) {
    info.channels = whole(table, "channels", 1, 64);
    info.scale = table.number("scale", 1);
    info.unit = table.text("unit", "");
    MEDUSA_CHECK_INPUT(info.scale > 0, "{}: scale is {}, expected more than 0", table.where("scale"), info.scale);
    if (info.classes.empty() && info.channels == 1) info.classes = {name};
  } else {
    if (info.kind == TaskKind::Segmentation && info.classes.empty()) info.classes = {name};
    info.channels = static_cast<std::int64_t>(info.classes.size());
    const std::int64_t least = info.kind == TaskKind::Classification ? 2 : 1;
    MEDUSA_CHECK_INPUT(info.channels >= least && info.channels <= 1024, "{}: [{}] has {} classes, expected {} to 1024",
                       table.where("classes"), table.name, info.channels, least);
    MEDUSA_CHECK_INPUT(std::set<std::string>(info.classes.begin(), info.classes.end()).size() == info.classes.size(),
                       "{}: classes: a name is there twice", table.where("classes"));
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
      d.input_columns.push_back(table.text("column", name));
    } else {
      Columns columns;
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

// A row of the table, with what its cells mean.
class RowReader {
 public:
  RowReader(const Description& description, const Table& table)
      : d_(description), table_(table), folder_(fs::path(table.name).parent_path().string()) {
    table.column("case");
    for (const std::string& column : d_.input_columns) table.column(column);
    for (const Columns& c : d_.target_columns) try {
        for (const std::string& column : c.files_or_labels) table.column(column);
        for (const std::string& column : {c.mask, c.only_if})
          if (!column.empty()) table.column(column);
      } catch (const InputError& error) {
        fail_input("{}: {}", c.where, error.what());
      }
  }

  CaseRow read(std::size_t row) const {
    CaseRow r;
    r.where = table_.where(row);
    r.id = cell(row, "case");
    MEDUSA_CHECK_INPUT(!r.id.empty(), "{}: the case has no name", r.where);
    if (has("group")) r.group = cell(row, "group");
    if (has("split")) r.part = part(row);
    for (const std::string& column : d_.input_columns) {
      r.inputs.push_back(file(row, column));
      MEDUSA_CHECK_INPUT(!r.inputs.back().empty(), "{}: {} is empty, expected a file", r.where, column);
    }
    for (std::size_t t = 0; t < d_.plan.targets.size(); ++t) r.labels.push_back(label(row, t));
    return r;
  }

 private:
  bool has(const std::string& column) const {
    return std::find(table_.header.begin(), table_.header.end(), column) != table_.header.end();
  }
  const std::string& cell(std::size_t row, const std::string& column) const {
    return table_.rows[row][table_.column(column)];
  }

  std::string part(std::size_t row) const {
    const std::string& split = cell(row, "split");
    if (split == "val" || split == "validation") return "validation";
    MEDUSA_CHECK_INPUT(split.empty() || split == "train" || split == "test",
                       "{}: split is '{}', expected train, validation or test", table_.where(row), split);
    return split;
  }

  std::string file(std::size_t row, const std::string& column) const {
    const std::string& name = cell(row, column);
    if (name.empty()) return "";
    const std::string path = fs::path(name).is_absolute() || folder_.empty() ? name : folder_ + "/" + name;
    MEDUSA_CHECK_INPUT(fs::is_regular_file(file_of(path)), "{}: {}: {}: there is no such file", table_.where(row),
                       column, file_of(path));
    return path;
  }

  bool yes(std::size_t row, const std::string& column) const {
    const std::string& text = cell(row, column);
    MEDUSA_CHECK_INPUT(text == "0" || text == "1", "{}: {} is '{}', expected 0 or 1", table_.where(row), column, text);
    return text == "1";
  }

  CaseLabel label(std::size_t row, std::size_t t) const {
    const Columns& columns = d_.target_columns[t];
    const TargetInfo& info = d_.plan.targets[t].info;
    CaseLabel label;
    if (!columns.only_if.empty() && !yes(row, columns.only_if)) return label;
    if (pixel_level(info.kind)) {
      for (const std::string& column : columns.files_or_labels) label.files.push_back(file(row, column));
      if (!columns.mask.empty() && label.present()) {
        label.mask = file(row, columns.mask);
        MEDUSA_CHECK_INPUT(!label.mask.empty(), "{}: {} is empty, expected the mask of {}", table_.where(row),
                           columns.mask, info.name);
      }
      return label;
    }
    std::size_t empty = 0;
    for (const std::string& column : columns.files_or_labels) empty += cell(row, column).empty();
    if (empty == columns.files_or_labels.size()) return label;
    MEDUSA_CHECK_INPUT(empty == 0, "{}: {} of the {} columns of {} are empty, expected all or none", table_.where(row),
                       empty, columns.files_or_labels.size(), info.name);
    if (info.kind == TaskKind::Binary) {
      for (const std::string& column : columns.files_or_labels) label.numbers.push_back(yes(row, column) ? 1 : 0);
      return label;
    }
    const std::string& text = cell(row, columns.files_or_labels[0]);
    const auto known = std::find(info.classes.begin(), info.classes.end(), text);
    MEDUSA_CHECK_INPUT(known != info.classes.end(), "{}: {} is '{}', expected one of {}", table_.where(row),
                       columns.files_or_labels[0], text, fmt::join(info.classes, ", "));
    label.numbers = {static_cast<real>(known - info.classes.begin())};
    return label;
  }

  const Description& d_;
  const Table& table_;
  const std::string folder_;
};

// All rows or none have a split.
void check_parts(const CasePlan& plan, const std::string& table) {
  const auto none = std::count_if(plan.rows.begin(), plan.rows.end(), [](const CaseRow& r) { return r.part.empty(); });
  if (none == 0 || none == static_cast<std::ptrdiff_t>(plan.rows.size())) return;
  const auto first = std::find_if(plan.rows.begin(), plan.rows.end(), [](const CaseRow& r) { return r.part.empty(); });
  fail_input("{}: split is empty, as in {} of {} rows of {}, expected all or none", first->where, none,
             plan.rows.size(), table);
}

CasePlan read_cases(Description description, const std::string& path, const std::string& name,
                    std::vector<std::string>* problems) {
  const Table table = read_csv(path);
  const RowReader reader(description, table);
  CasePlan plan = description.plan;
  plan.name = name;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    attempt(problems, [&] {
      CaseRow row = reader.read(i);
      MEDUSA_CHECK_INPUT(seen.insert(row.id).second, "{}: case {} is listed twice", row.where, row.id);
      plan.rows.push_back(std::move(row));
    });
  attempt(problems, [&] { check_parts(plan, path); });
  return plan;
}

// The other side's name: FemurLeft and FemurRight, Left_Femur and Right_Femur, Femur_L and Femur_R.
std::string other_side(const std::string& name) {
  constexpr std::pair<const char*, const char*> kSides[] = {{"Left", "Right"}, {"left", "right"}, {"_L", "_R"}};
  for (const auto& [left, right] : kSides)
    for (const auto& [from, to] : {std::pair<std::string, std::string>{left, right}, {right, left}}) {
      if (name.ends_with(from)) return name.substr(0, name.size() - from.size()) + to;
      if (from[0] != '_' && name.starts_with(from)) return to + name.substr(from.size());
    }
  return name;
}

}  // namespace

std::string folder_size(const std::string& folder) {
  const std::string file = folder + "/dataset.toml";
  MEDUSA_CHECK_INPUT(fs::is_directory(folder), "{}: there is no such folder", folder);
  const std::string size = read_toml(file).front().text("size", "");
  MEDUSA_CHECK_INPUT(!size.empty(), "{}: has no size, expected a line such as size = \"64x64x64\"", file);
  return size;
}

CasePlan folder_plan(const DatasetOptions& options) {
  const std::string file = options.folder + "/dataset.toml";
  MEDUSA_CHECK_INPUT(fs::is_directory(options.folder), "{}: there is no such folder", options.folder);
  const std::vector<TomlTable> tables = read_toml(file);
  return read_cases(read_description(tables, file), beside(file, tables.front().text("manifest", "cases.csv")),
                    "folder", options.problems);
}

CasePlan prostate_plan(const DatasetOptions& options) {
  const std::string path = options.folder + "/cases.csv";
  MEDUSA_CHECK_INPUT(fs::is_directory(options.folder), "{}: there is no such folder", options.folder);
  MEDUSA_CHECK_INPUT(options.depth > 0, "prostate: size {}x{} has two sides, volumes have three, such as 64x64x64",
                     options.height, options.width);
  const Table table = read_csv(path);
  Description d;
  CaseTarget structures{{"structures", TaskKind::Structures, 0, {}}, {}, {}};
  std::vector<std::string>& classes = structures.info.classes;
  bool body = false;
  for (const std::string& column : table.header) {
    body = body || column == "body";
    if (std::set<std::string>{"case", "split", "group", "ct", "dose", "body"}.contains(column)) continue;
    classes.push_back(column);
  }
  MEDUSA_CHECK_INPUT(!classes.empty(), "{}:1: has no column of a structure beside case, ct and dose", path);
  structures.info.channels = static_cast<std::int64_t>(classes.size());
  for (std::size_t a = 0; a < classes.size(); ++a)
    for (std::size_t b = a + 1; b < classes.size(); ++b)
      if (other_side(classes[a]) == classes[b]) structures.mirrored.push_back({a, b});
  d.plan.inputs = {{"ct", 1, {{-160, 240}}, {}, {}, false}};
  d.input_columns = {"ct"};
  d.plan.targets = {structures, {{"dose", TaskKind::Regression, 1, {"dose"}, 70, "Gy"}, {}, {}}};
  d.target_columns = {{classes, "", "", path}, {{"dose"}, body ? "body" : "", "", path}};
  d.plan.field_of_view = 384;
  return read_cases(std::move(d), path, "prostate", options.problems);
}

}  // namespace medusa::datasets

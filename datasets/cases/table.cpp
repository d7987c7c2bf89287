#include "datasets/cases/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>

#include "datasets/cases/file.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/header_text.h"
#include "datasets/options.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

// A row of the table, with what its cells mean.
class RowReader {
 public:
  RowReader(const Description& description, const Table& table)
      : d_(description), table_(table), folder_(fs::path(table.name).parent_path().string()) {
    table.column("case");
    for (const CaseInput& input : d_.plan.inputs) table.column(input.column);
    for (const TargetColumns& c : d_.target_columns) try {
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
    for (const CaseInput& input : d_.plan.inputs) {
      r.inputs.push_back(file(row, input.column));
      MEDUSA_CHECK_INPUT(!r.inputs.back().empty(), "{}: {} is empty, expected a file", r.where, input.column);
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

  double amount(std::size_t row, const std::string& column) const {
    const std::string text = trimmed(cell(row, column));
    double value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    MEDUSA_CHECK_INPUT(
        error == std::errc{} && stop == text.data() + text.size() && std::isfinite(value) && std::abs(value) < 1e30,
        "{}: {} is '{}', expected a number", table_.where(row), column, text);
    return value;
  }

  CaseLabel label(std::size_t row, std::size_t t) const {
    const TargetColumns& columns = d_.target_columns[t];
    const TargetInfo& info = d_.plan.targets[t].info;
    CaseLabel label;
    if (!columns.only_if.empty() && !yes(row, columns.only_if)) return label;
    if (info.traits().pixel_level) {
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
    if (info.traits().in_units) {
      for (const std::string& column : columns.files_or_labels)
        label.numbers.push_back(static_cast<real>(amount(row, column) / info.scale));
      return label;
    }
    if (!info.traits().exclusive) {
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

}  // namespace

CasePlan read_cases(const Description& description, const std::string& path, const std::string& name,
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

}  // namespace medusa::datasets

#include "datasets/cases/table.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "datasets/cases/file.h"
#include "datasets/formats/cell.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/header_text.h"
#include "datasets/options.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

// The classes of a target as cells name them: as written, as a number ("2.0" is "2"), or but for upper and lower case.
// A table may have 200,000 rows and a target 1,000 classes.
class ClassNames {
 public:
  explicit ClassNames(const std::vector<std::string>& classes) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      add(&exact_, classes[c], c);
      add(&lower_, lower_case(classes[c]), c);
      if (const std::optional<double> number = number_in(classes[c])) add(&numbers_, *number, c);
    }
  }
  // Its number; none for a word that names no class, or several.
  std::optional<std::size_t> find(const std::string& cell) const {
    if (const auto exact = find_in(exact_, cell)) return exact;
    if (const std::optional<double> number = number_in(cell)) return find_in(numbers_, *number);
    return find_in(lower_, lower_case(cell));
  }

 private:
  static constexpr std::size_t kSeveral = static_cast<std::size_t>(-1);

  template <class Key>
  static void add(std::map<Key, std::size_t>* names, const Key& key, std::size_t c) {
    const auto [entry, fresh] = names->emplace(key, c);
    if (!fresh) entry->second = kSeveral;
  }
  template <class Key>
  static std::optional<std::size_t> find_in(const std::map<Key, std::size_t>& names, const Key& key) {
    const auto found = names.find(key);
    if (found == names.end() || found->second == kSeveral) return std::nullopt;
    return found->second;
  }

  std::map<std::string, std::size_t> exact_, lower_;
  std::map<double, std::size_t> numbers_;
};

// A row of the table, with what its cells mean.
class RowReader {
 public:
  RowReader(const Description& description, const Table& table, const DataFolder& data)
      : d_(description), table_(table), folder_(fs::path(table.name).parent_path().string()), data_(data) {
    for (std::size_t c = 0; c < table.header.size(); ++c) places_.emplace(table.header[c], c);
    case_ = place("case");
    group_ = optional_place("group");
    split_ = optional_place("split");
    for (const CaseInput& input : d_.plan.inputs) inputs_.push_back(place(input.column));
    for (const CaseTarget& target : d_.plan.targets) classes_.emplace_back(target.info.classes);
    for (const TargetColumns& c : d_.target_columns) try {
        Places places;
        for (const std::string& column : c.files_or_labels) places.files_or_labels.push_back(place(column));
        if (!c.mask.empty()) places.mask = place(c.mask);
        if (!c.only_if.empty()) places.only_if = place(c.only_if);
        targets_.push_back(places);
      } catch (const InputError& error) {
        fail_input("{}: {}", c.where, error.what());
      }
  }

  CaseRow read(std::size_t row) const {
    CaseRow r;
    r.where = table_.where(row);
    r.id = cell(row, case_);
    MEDUSA_CHECK_INPUT(!r.id.empty(), "{}: the case has no name", r.where);
    check_name(r.id, r.where, name(case_));
    if (group_) r.group = cell(row, *group_);
    if (split_) r.part = part(row);
    for (std::size_t column : inputs_) {
      r.inputs.push_back(file(row, column));
      MEDUSA_CHECK_INPUT(!r.inputs.back().empty(), "{}: {} is empty, expected a file", r.where, name(column));
    }
    for (std::size_t t = 0; t < d_.plan.targets.size(); ++t) r.labels.push_back(label(row, t));
    return r;
  }

  // The columns that nothing reads.
  std::vector<std::string> unused() const {
    std::vector<std::string> names;
    for (const std::string& column : table_.header)
      if (!used_.contains(column)) names.push_back(column);
    return names;
  }

 private:
  struct Places {
    std::vector<std::size_t> files_or_labels;
    std::optional<std::size_t> mask, only_if;
  };

  std::size_t place(const std::string& column) {
    used_.insert(column);
    const auto found = places_.find(column);
    return found != places_.end() ? found->second : table_.column(column);  // which throws
  }
  // A column that tables need not have; one that is probably meant to be it is refused.
  std::optional<std::size_t> optional_place(const std::string& column) {
    if (places_.contains(column)) return place(column);
    check_no_column_like(table_, column);
    return std::nullopt;
  }
  const std::string& cell(std::size_t row, std::size_t column) const { return table_.rows[row][column]; }
  const std::string& name(std::size_t column) const { return table_.header[column]; }

  std::string part(std::size_t row) const {
    const std::string split = lower_case(cell(row, *split_));
    for (const auto& [word, part] : {std::pair{"train", "train"},
                                     {"training", "train"},
                                     {"val", "validation"},
                                     {"valid", "validation"},
                                     {"validation", "validation"},
                                     {"test", "test"},
                                     {"testing", "test"}})
      if (split == word) return part;
    MEDUSA_CHECK_INPUT(is_missing(split), "{}: split is '{}', expected train, validation or test", table_.where(row),
                       cell(row, *split_));
    return "";
  }

  std::string file(std::size_t row, std::size_t column) const {
    const std::string& text = cell(row, column);
    if (text.empty()) return "";
    const std::string path = fs::path(text).is_absolute() || folder_.empty() ? text : folder_ + "/" + text;
    if (is_missing(text) && !fs::exists(file_of(path))) return "";
    data_.check(table_.name, fmt::format("{}: {}", table_.where(row), name(column)), text, file_of(path));
    MEDUSA_CHECK_INPUT(fs::is_regular_file(file_of(path)), "{}: {}: {}: there is no such file", table_.where(row),
                       name(column), file_of(path));
    return path;
  }

  bool yes(std::size_t row, std::size_t column) const {
    return yes_or_no(cell(row, column), table_.where(row), name(column));
  }

  double amount(std::size_t row, std::size_t column) const {
    const std::optional<double> value = number_in(cell(row, column));
    MEDUSA_CHECK_INPUT(value && std::abs(*value) < 1e30, "{}: {} is '{}', expected a number", table_.where(row),
                       name(column), cell(row, column));
    return *value;
  }

  // Whether the case has a label of target t: where it has none, a condition may be left open too.
  bool labelled(std::size_t row, std::size_t t) const {
    const Places& places = targets_[t];
    const std::vector<std::size_t>& columns = places.files_or_labels;
    const TargetInfo& info = d_.plan.targets[t].info;
    const bool words = info.traits().exclusive && !info.traits().pixel_level;  // a class may have such a name
    const auto missing = [&](std::size_t column) {
      const std::string& text = cell(row, column);
      return is_missing(text) && !(words && classes_[t].find(text));
    };
    const auto empty = std::count_if(columns.begin(), columns.end(), missing);
    const bool all = empty == static_cast<std::ptrdiff_t>(columns.size());
    if (places.only_if && !(all && is_missing(cell(row, *places.only_if))) && !yes(row, *places.only_if)) return false;
    MEDUSA_CHECK_INPUT(all || empty == 0 || info.traits().pixel_level,
                       "{}: {} of the {} columns of {} are empty, expected all or none", table_.where(row), empty,
                       columns.size(), info.name);
    return !all;
  }

  CaseLabel label(std::size_t row, std::size_t t) const {
    const Places& places = targets_[t];
    const TargetInfo& info = d_.plan.targets[t].info;
    CaseLabel label;
    if (!labelled(row, t)) return label;
    if (info.traits().pixel_level) {
      for (std::size_t column : places.files_or_labels) label.files.push_back(file(row, column));
      if (places.mask && label.present()) {
        label.mask = file(row, *places.mask);
        MEDUSA_CHECK_INPUT(!label.mask.empty(), "{}: {} is empty, expected the mask of {}", table_.where(row),
                           name(*places.mask), info.name);
      }
      return label;
    }
    if (info.traits().in_units) {
      for (std::size_t column : places.files_or_labels)
        label.numbers.push_back(static_cast<real>(amount(row, column) / info.scale));
    } else if (!info.traits().exclusive) {
      for (std::size_t column : places.files_or_labels) label.numbers.push_back(yes(row, column) ? 1 : 0);
    } else {
      const std::size_t column = places.files_or_labels[0];
      const std::optional<std::size_t> known = classes_[t].find(cell(row, column));
      MEDUSA_CHECK_INPUT(known, "{}: {} is '{}', expected one of {}", table_.where(row), name(column),
                         cell(row, column), fmt::join(info.classes, ", "));
      label.numbers = {static_cast<real>(*known)};
    }
    return label;
  }

  const Description& d_;
  const Table& table_;
  const std::string folder_;
  const DataFolder& data_;
  std::map<std::string, std::size_t> places_;
  std::set<std::string> used_;
  std::size_t case_ = 0;
  std::optional<std::size_t> group_, split_;
  std::vector<std::size_t> inputs_;
  std::vector<Places> targets_;
  std::vector<ClassNames> classes_;  // of each target
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

void check_no_column_like(const Table& table, const std::string& column) {
  for (const std::string& other : table.header)
    MEDUSA_CHECK_INPUT(similar_name(other, {column}).empty(), "{}: column {}: did you mean {}?", table.name, other,
                       column);
}

CasePlan read_cases(const Description& description, const std::string& path, const std::string& name,
                    const DataFolder& folder, std::vector<std::string>* problems) {
  const Table table = read_csv(path);
  const RowReader reader(description, table, folder);
  CasePlan plan = description.plan;
  plan.name = name;
  plan.folder = folder;
  if (const std::vector<std::string> unused = reader.unused(); !unused.empty())
    plan.notes.push_back(fmt::format("{}: columns that are not used: {}", path, first_names(unused)));
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

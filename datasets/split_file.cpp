// The division of a dataset as a file says it.
#include <algorithm>
#include <map>
#include <optional>

#include "datasets/formats/csv.h"
#include "datasets/split.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

using Members = std::map<std::string, std::vector<std::int64_t>>;

std::optional<std::size_t> find_column(const Table& table, const std::string& title) {
  const auto found = std::find(table.header.begin(), table.header.end(), title);
  if (found == table.header.end()) return {};
  return static_cast<std::size_t>(found - table.header.begin());
}

std::vector<std::int64_t>& part_of(Split& split, const std::string& name, const std::string& where) {
  MEDUSA_CHECK_INPUT(name == "train" || name == "val" || name == "validation" || name == "test",
                     "{}: part '{}', expected train, val or test", where, name);
  return name == "train" ? split.train : name == "test" ? split.test : split.val;
}

// The row in which each sample is named.
std::vector<std::size_t> rows_of(const Dataset& dataset, const Table& table, const std::string& title,
                                 const Members& members) {
  const std::size_t none = table.rows.size(), column = table.column(title);
  std::vector<std::size_t> row_of(static_cast<std::size_t>(dataset.size()), none);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& name = table.rows[row][column];
    const auto found = members.find(name);
    MEDUSA_CHECK_INPUT(found != members.end(), "{}: {} '{}' is none of the dataset's", table.where(row), title, name);
    for (std::int64_t i : found->second) {
      std::size_t& place = row_of[static_cast<std::size_t>(i)];
      MEDUSA_CHECK_INPUT(place == none, "{}: {} '{}' is there twice, first in line {}", table.where(row), title, name,
                         table.lines[place]);
      place = row;
    }
  }
  std::vector<std::string> unnamed;
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    if (row_of[static_cast<std::size_t>(i)] == none) unnamed.push_back(dataset.id(i));
  MEDUSA_CHECK_INPUT(unnamed.empty(), "{}: {} of the dataset's {} samples are in no row: {}", table.name,
                     unnamed.size(), dataset.size(), first_names(unnamed));
  return row_of;
}

}  // namespace

Split read_split(const Dataset& dataset, const std::string& file) {
  const Table table = read_csv(file);
  const std::size_t part = table.column("part");
  const std::optional<std::size_t> id = find_column(table, "id"), group = find_column(table, "group");
  MEDUSA_CHECK_INPUT(id || group, "{}:1: has no column id or group, which says what a row is about", file);
  Members members;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    MEDUSA_CHECK_INPUT(dataset.part(i).empty(),
                       "{}: the dataset is distributed in parts ({} is of part {}), which stay", file, dataset.id(i),
                       dataset.part(i));
    members[id ? dataset.id(i) : dataset.group(i)].push_back(i);
  }
  const std::vector<std::size_t> row_of = rows_of(dataset, table, id ? "id" : "group", members);
  Split split;
  std::map<std::string, std::size_t> first;  // the row in which a group is named first
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::size_t row = row_of[static_cast<std::size_t>(i)];
    const std::string name = dataset.group(i);
    MEDUSA_CHECK_INPUT(!id || !group || table.rows[row][*group] == name, "{}: {} is of group '{}', not '{}'",
                       table.where(row), dataset.id(i), name, table.rows[row][*group]);
    const std::size_t before = first.emplace(name, row).first->second;
    std::vector<std::int64_t>& side = part_of(split, table.rows[row][part], table.where(row));
    MEDUSA_CHECK_INPUT(&side == &part_of(split, table.rows[before][part], table.where(before)),
                       "{}: group '{}' is torn apart: {} here, {} in line {}", table.where(std::max(row, before)), name,
                       table.rows[std::max(row, before)][part], table.rows[std::min(row, before)][part],
                       table.lines[std::min(row, before)]);
    side.push_back(i);
  }
  MEDUSA_CHECK_INPUT(!split.train.empty(), "{}:1: no sample is in part train", file);
  MEDUSA_CHECK_INPUT(!split.val.empty(), "{}:1: no sample is in part val", file);
  return split;
}

std::string split_text(const std::vector<std::string>& train, const std::vector<std::string>& val,
                       const std::vector<std::string>& test) {
  std::string text = "id,part\n";
  const auto add = [&](const std::vector<std::string>& ids, const char* part) {
    for (const std::string& id : ids) text += csv_field(id) + "," + part + "\n";
  };
  add(train, "train");
  add(val, "val");
  add(test, "test");
  return text;
}

}  // namespace medusa::datasets

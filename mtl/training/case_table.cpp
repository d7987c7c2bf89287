#include "mtl/training/case_table.h"

#include <numeric>

#include "mtl/training/mean.h"
#include "tensor/check.h"

namespace medusa::mtl {

void CaseTable::add(const std::string& id, const std::map<std::string, double>& values) {
  if (ids_.empty())
    for (const auto& [name, value] : values) columns_[name];
  MEDUSA_CHECK(values.size() == columns_.size(), "cases: {} has {} columns, expected {}", id, values.size(),
               columns_.size());
  for (const auto& [name, value] : values) {
    const auto column = columns_.find(name);
    MEDUSA_CHECK(column != columns_.end(), "cases: {} has a column {}, the cases before have none", id, name);
    column->second.push_back(value);
  }
  ids_.push_back(id);
}

void CaseTable::join(const CaseTable& other) {
  if (columns_.empty()) ids_ = other.ids_;
  MEDUSA_CHECK(ids_ == other.ids_, "cases: two tables with {} and {} cases, expected the same ones", size(),
               other.size());
  for (const auto& [name, column] : other.columns_)
    MEDUSA_CHECK(columns_.emplace(name, column).second, "cases: the column {} is given twice", name);
}

Rows CaseTable::all() const {
  Rows rows(size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

std::vector<std::string> CaseTable::names() const {
  std::vector<std::string> names;
  for (const auto& column : columns_) names.push_back(column.first);
  return names;
}

const std::vector<double>& CaseTable::column(const std::string& name) const {
  static const std::vector<double> none;
  if (ids_.empty()) return none;
  const auto found = columns_.find(name);
  MEDUSA_CHECK(found != columns_.end(), "cases: there is no column {}", name);
  return found->second;
}

double mean_of(const std::vector<double>& column, const Rows& rows) {
  Mean mean;
  for (std::size_t row : rows) mean.add(column[row]);
  return mean.value();
}

}  // namespace medusa::mtl

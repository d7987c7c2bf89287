// What an evaluation finds about each case, from which the figures of a whole set, or of any part of it, are computed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace medusa::mtl {

// Some cases of a table by their places; a case may occur several times, as when cases are drawn with replacement.
using Rows = std::vector<std::size_t>;

// The cases that have a label for one task: a row for each, a column for each number about it.  NaN: not defined.
class CaseTable {
 public:
  // Adds a case, "": unknown.  Throws Error if the columns are not those of the cases before.
  void add(const std::string& id, const std::map<std::string, double>& values);
  // Adds the columns of a table of the same cases.  Throws Error if it has other cases, or a column that is there.
  void join(const CaseTable& other);

  std::size_t size() const { return ids_.size(); }
  Rows all() const;  // 0, 1, ... size() - 1
  const std::vector<std::string>& ids() const { return ids_; }
  std::vector<std::string> names() const;  // of the columns
  bool has(const std::string& name) const { return columns_.contains(name); }
  // A column; without any case it is empty.  Throws Error if there is none of that name.
  const std::vector<double>& column(const std::string& name) const;

 private:
  std::vector<std::string> ids_;
  std::map<std::string, std::vector<double>> columns_;
};

// The mean of a column over some of the cases; NaN ones do not count.
double mean_of(const std::vector<double>& column, const Rows& rows);

}  // namespace medusa::mtl

#include "tools/report/case_file.h"

#include <cmath>
#include <limits>
#include <set>

#include "datasets/formats/cell.h"
#include "datasets/formats/csv.h"
#include "tensor/check.h"

namespace medusa::tools {

namespace {

// The places of a table's cases, by id.
std::map<std::string, std::size_t> places(const mtl::CaseTable& table) {
  std::map<std::string, std::size_t> places;
  for (std::size_t row = 0; row < table.size(); ++row)
    MEDUSA_CHECK(places.emplace(table.ids()[row], row).second, "cases: '{}' was judged twice", table.ids()[row]);
  return places;
}

// The numbers of a row about one task, by column; empty cells are NaN.
std::map<std::string, double> values_in(const datasets::Table& table, std::size_t row, const std::string& task) {
  std::map<std::string, double> values;
  for (std::size_t k = 0; k < table.header.size(); ++k) {
    const std::string& title = table.header[k];
    if (!title.starts_with(task + ".")) continue;
    const std::string& cell = table.rows[row][k];
    double value = std::numeric_limits<double>::quiet_NaN();
    if (!cell.empty()) {
      const std::optional<double> number = datasets::number_in(cell);
      MEDUSA_CHECK_INPUT(number.has_value(), "{}: {} '{}' is not a number", table.where(row), title, cell);
      value = *number;
    }
    values[title.substr(task.size() + 1)] = value;
  }
  return values;
}

}  // namespace

std::vector<CaseName> case_names(const datasets::Dataset& dataset, const std::vector<std::int64_t>& samples) {
  std::vector<CaseName> names;
  for (std::int64_t i : samples) names.push_back({dataset.id(i), dataset.group(i)});
  return names;
}

std::string cases_csv(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation,
                      const std::vector<CaseName>& names) {
  std::string text = "id,group";
  std::vector<std::map<std::string, std::size_t>> places_of;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    places_of.push_back(places(evaluation[t].cases));
    for (const std::string& column : evaluation[t].cases.names())
      text += "," + datasets::csv_field(tasks[t].name + "." + column);
  }
  text += "\n";
  for (const CaseName& name : names) {
    text += datasets::csv_field(name.id) + "," + datasets::csv_field(name.group);
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const mtl::CaseTable& cases = evaluation[t].cases;
      const auto place = places_of[t].find(name.id);
      for (const std::string& column : cases.names()) {
        text += ",";
        if (place == places_of[t].end()) continue;
        if (const double value = cases.column(column)[place->second]; !std::isnan(value))
          text += fmt::format("{}", value);
      }
    }
    text += "\n";
  }
  return text;
}

CaseFile read_cases(const std::string& path, const std::vector<mtl::Task>& tasks) {
  const datasets::Table table = datasets::read_csv(path);
  const std::size_t id = table.column("id"), group = table.column("group");
  CaseFile file;
  file.tables.resize(tasks.size());
  std::set<std::string> ids;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    file.names.push_back({table.rows[row][id], table.rows[row][group]});
    MEDUSA_CHECK_INPUT(ids.insert(file.names.back().id).second, "{}: case '{}' is there twice", table.where(row),
                       file.names.back().id);
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const std::map<std::string, double> values = values_in(table, row, tasks[t].name);
      if (std::any_of(values.begin(), values.end(), [](const auto& value) { return !std::isnan(value.second); }))
        file.tables[t].add(file.names.back().id, values);
    }
  }
  return file;
}

}  // namespace medusa::tools

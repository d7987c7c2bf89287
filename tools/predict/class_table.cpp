#include "tools/predict/class_table.h"

#include <algorithm>

#include "datasets/formats/csv.h"
#include "tensor/file.h"
#include "tools/report/picture.h"

namespace medusa::tools {
ClassTables::ClassTables(const std::vector<mtl::Task>& tasks, const std::string& first) {
  for (const mtl::Task& task : tasks) {
    if (task.traits().pixel_level) continue;
    std::string text = first;
    for (std::int64_t c = 0; c < task.channels; ++c)
      text += "," + datasets::csv_field(class_name(task, static_cast<std::size_t>(c)));
    tables_[task.name] = text + (task.traits().in_units ? "\n" : ",predicted\n");
  }
}

std::string ClassTables::add(const mtl::Answer& answer, const std::string& image) {
  const mtl::Task& task = answer.task;
  if (task.traits().in_units) return add_amounts(answer, image);
  const bool exclusive = task.traits().exclusive;
  const std::vector<double> p = answer.numbers();
  std::string row = datasets::csv_field(image), predicted;
  for (double probability : p) row += fmt::format(",{:.6f}", probability);
  const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
  for (std::size_t c = 0; c < p.size(); ++c)
    if (exclusive ? c == best : p[c] > 0.5) predicted += (predicted.empty() ? "" : ";") + class_name(task, c);
  tables_[task.name] += row + "," + datasets::csv_field(predicted) + "\n";
  return fmt::format(" {} {} ({:.2f});", task.name, predicted.empty() ? "none" : predicted, p[best]);
}

std::string ClassTables::add_amounts(const mtl::Answer& answer, const std::string& image) {
  const mtl::Task& task = answer.task;
  std::string row = datasets::csv_field(image), line = " " + task.name;
  for (double amount : answer.numbers()) {
    row += fmt::format(",{:.6g}", amount);
    line += fmt::format(" {:.4g}", amount);
  }
  tables_[task.name] += row + "\n";
  return line + (task.unit.empty() ? "" : " " + task.unit) + ";";
}

void ClassTables::write(const std::string& folder) const {
  for (const auto& [task, text] : tables_) write_file(fmt::format("{}/{}.csv", folder, task), text);
}

}  // namespace medusa::tools

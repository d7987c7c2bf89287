// From a case's files to the grid that the network sees.
#include "datasets/case_reader.h"

namespace medusa::datasets {

std::int64_t Case::bytes() const {
  std::size_t total = 0;
  for (const auto& plane : inputs) total += plane.size() * sizeof(real);
  for (const Label& label : labels) {
    for (const auto& map : label.maps) total += map.size() * sizeof(std::uint16_t);
    for (const auto& plane : label.values) total += plane.size() * sizeof(real);
    total += label.mask.size() * sizeof(std::uint16_t);
  }
  return static_cast<std::int64_t>(total);
}

Case read_case(const CasePlan& plan, const CaseRow& row, const Grid& size) {
  CaseReader reader(plan, size);
  Case c;
  c.inputs = reader.images(row.inputs);
  c.grid = reader.grid();
  c.spacing = reader.spacing();
  for (std::size_t t = 0; t < plan.targets.size(); ++t)
    c.labels.push_back(read_label(reader, plan.targets[t], row.labels[t]));
  return c;
}

}  // namespace medusa::datasets

// From a case's files to the grid that the network sees; and the case as bytes for a cache.
#include "datasets/cases/reader.h"
#include "datasets/formats/volume_file.h"

namespace medusa::datasets {
namespace {

template <class T>
void put(Packer& p, const std::vector<std::vector<T>>& planes) {
  p.put(planes.size());
  for (const auto& plane : planes) p.put(plane);
}

template <class T>
void get(Unpacker& p, std::vector<std::vector<T>>* planes) {
  std::size_t count = 0;
  p.get(&count);
  for (std::size_t i = 0; i < count; ++i) {  // no resize: a damaged count ends with the bytes
    planes->emplace_back();
    p.get(&planes->back());
  }
}

Case all_of(CaseReader& reader, const CasePlan& plan, const CaseRow& row) {
  Case c;
  c.inputs = reader.images(row.inputs);
  c.grid = reader.grid();
  c.spacing = reader.spacing();
  for (std::size_t t = 0; t < plan.targets.size(); ++t)
    c.labels.push_back(read_label(reader, plan.targets[t], row.labels[t]));
  return c;
}

}  // namespace

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

Case read_case(const CasePlan& plan, const CaseRow& row, const Extent& size) {
  CaseReader reader(plan, size);
  return all_of(reader, plan, row);
}

std::optional<Case> inspect_case(const CasePlan& plan, const CaseRow& row, const Extent& size, RawSample* raw) {
  CaseReader reader(plan, size, raw);
  Case c = all_of(reader, plan, row);
  if (!reader.complete()) return {};
  return c;
}

std::vector<std::string> sources_of(const CasePlan& plan, const CaseRow& row) {
  std::vector<std::string> sources;
  const auto add = [&](const std::string& name) {
    const std::vector<std::string> files = files_of_volume(name, plan.folder);
    sources.insert(sources.end(), files.begin(), files.end());
  };
  for (const std::string& input : row.inputs) add(input);
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    const TargetInfo& info = plan.targets[t].info;
    if (!info.traits().pixel_level) continue;
    const CaseLabel& label = row.labels[t];
    const std::int64_t files = info.traits().column_per_channel ? info.channels : 1;
    for (std::size_t f = 0; f < static_cast<std::size_t>(files); ++f) add(f < label.files.size() ? label.files[f] : "");
    add(label.mask);
  }
  return sources;
}

std::string packed(const Case& c) {
  Packer p;
  p.put(c.grid);
  p.put(c.spacing);
  put(p, c.inputs);
  p.put(c.labels.size());
  for (const Case::Label& label : c.labels) {
    put(p, label.maps);
    put(p, label.values);
    p.put(label.mask);
    p.put(std::vector<std::uint8_t>(label.outlined.begin(), label.outlined.end()));
    p.put(label.present);
  }
  return p.bytes();
}

Case unpacked_case(const std::string& bytes) {
  Case c;
  Unpacker p(bytes);
  p.get(&c.grid);
  p.get(&c.spacing);
  get(p, &c.inputs);
  std::size_t labels = 0;
  p.get(&labels);
  for (std::size_t t = 0; t < labels; ++t) {
    Case::Label& label = c.labels.emplace_back();
    std::vector<std::uint8_t> outlined;
    get(p, &label.maps);
    get(p, &label.values);
    p.get(&label.mask);
    p.get(&outlined);
    label.outlined.assign(outlined.begin(), outlined.end());
    p.get(&label.present);
  }
  MEDUSA_CHECK(p.done(), "cache: a case of {} bytes is longer than its content", bytes.size());
  return c;
}

}  // namespace medusa::datasets

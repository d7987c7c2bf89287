// What inspect says about volumes and arrays.
#include "datasets/formats/npy.h"
#include "datasets/formats/volume_file.h"
#include "tools/inspect/values.h"

namespace medusa::tools {
namespace {

void describe_values(const Tensor& values, std::int64_t rounded, Json* json) {
  Range range;
  const real* data = values.data();
  for (std::int64_t i = 0; i < values.numel(); ++i) range.add(static_cast<double>(data[i]));
  range.describe(json);
  if (rounded > 0) (*json)["rounded"] = rounded;
}

Json affine_rows(const datasets::Affine& affine) {
  Json rows = Json::array();
  for (const auto& row : affine.m) rows.push_back(row);
  rows.push_back({0, 0, 0, 1});
  return rows;
}

Json describe(const datasets::Volume& volume) {
  Json json{{"shape", volume.file_shape}, {"dtype", datasets::name(volume.stored)}};
  json["spacing_mm"] = volume.spacing();
  json["affine"] = affine_rows(volume.affine);
  json["orientation"] = datasets::orientation(volume.affine);
  if (!volume.unit.empty()) json["unit"] = volume.unit;
  if (volume.slope != 1 || volume.intercept != 0)
    json["scaling"] = {{"slope", volume.slope}, {"intercept", volume.intercept}};
  describe_values(volume.values, volume.rounded, &json);
  return json;
}

Json describe(const datasets::NpyArray& array) {
  if (!array.values) return {{"dtype", "text"}, {"text", array.text}};
  Json json{{"shape", std::vector<std::int64_t>(array.values.shape().begin(), array.values.shape().end())},
            {"dtype", datasets::name(array.stored)}};
  describe_values(array.values, array.rounded, &json);
  return json;
}

// An archive that holds a volume is described as one; otherwise its arrays are listed.
Json describe_npz(const std::string& path) {
  const datasets::NpzArrays arrays = datasets::read_npz(path);
  if (arrays.count("values")) return describe(datasets::volume_of(arrays, path));
  Json list = Json::array();
  for (const auto& [name, array] : arrays) {
    Json entry{{"name", name}};
    entry.update(describe(array));
    list.push_back(entry);
  }
  return {{"arrays", arrays.size()}, {"list", list}};
}

}  // namespace

Json describe_volume(const std::filesystem::path& path, bool follow_outside) {
  const std::string name = path.string(), format = datasets::volume_format(name);
  Json json{{"format", format}};
  if (format == "npz") {
    json.update(describe_npz(name));
  } else if (format == "npy") {  // says nothing about space
    json.update(describe(datasets::read_npy(name)));
    for (const char* key : {"spacing_mm", "affine", "orientation"}) json[key] = nullptr;
  } else {
    json.update(describe(datasets::read_volume(name, {"", follow_outside})));
  }
  return json;
}

}  // namespace medusa::tools

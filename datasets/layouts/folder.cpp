#include "datasets/layouts/folder.h"

#include <filesystem>

#include "datasets/cases/table.h"
#include "datasets/formats/header_text.h"
#include "datasets/formats/toml.h"
#include "tensor/check.h"

namespace medusa::datasets {

namespace fs = std::filesystem;

Extent folder_size(const std::string& folder) {
  const std::string file = folder + "/dataset.toml";
  MEDUSA_CHECK_INPUT(fs::is_directory(folder), "{}: there is no such folder", folder);
  const std::string size = read_toml(file).front().text("size", "");
  MEDUSA_CHECK_INPUT(!size.empty(), "{}: has no size, expected a line such as size = \"64x64x64\"", file);
  return Extent::parse(size, file + ": size");
}

CasePlan folder_plan(const DatasetOptions& options) {
  const std::string file = options.folder + "/dataset.toml";
  MEDUSA_CHECK_INPUT(fs::is_directory(options.folder), "{}: there is no such folder", options.folder);
  const std::vector<TomlTable> tables = read_toml(file);
  const std::string manifest = tables.front().text("manifest", "cases.csv"), table = beside(file, manifest);
  const DataFolder folder = data_folder(options);
  if (tables.front().has("manifest"))
    folder.check(file, tables.front().where("manifest") + ": manifest", manifest, table);
  return read_cases(read_description(tables, file), table, "folder", folder, options.problems);
}

}  // namespace medusa::datasets

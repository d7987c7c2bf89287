#include "tools/predict/inputs.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "datasets/cases/file.h"
#include "datasets/cases/table.h"
#include "datasets/formats/header_text.h"
#include "datasets/formats/volume_file.h"
#include "tensor/check.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;

bool ends_in(const std::string& path, std::initializer_list<const char*> ends) {
  const std::string name = datasets::lower_case(path);
  return std::any_of(ends.begin(), ends.end(),
                     [&](const std::string& end) { return name.size() > end.size() && name.ends_with(end); });
}

// The files in a folder that `wanted` accepts.
template <class F>
std::vector<std::string> in_folder(const std::string& folder, const F& wanted) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && wanted(entry.path().string())) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

bool is_picture(const std::string& path) { return ends_in(path, {".png", ".jpg", ".jpeg"}); }
bool is_volume(const std::string& path) { return ends_in(path, {".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"}); }

void check_there(const std::string& input) {
  MEDUSA_CHECK_INPUT(fs::exists(datasets::file_of(input)), "--input {}: there is no such file or folder", input);
}

std::vector<datasets::CaseRow> rows_of_table(const std::string& path, datasets::CasePlan plan,
                                             std::vector<std::string>* problems) {
  plan.targets.clear();  // their columns need not be there
  return datasets::read_cases({plan, {}}, path, path, plan.folder, problems).rows;
}

}  // namespace

std::vector<std::string> volume_files(const std::string& input) {
  if (fs::is_directory(input)) return in_folder(input, is_volume);
  const bool volume = fs::exists(input) && !datasets::volume_format(input).empty();
  return volume ? std::vector<std::string>{input} : std::vector<std::string>{};
}

std::string stem_of(const std::string& file) {
  const fs::path stem = fs::path(datasets::file_of(file)).stem();
  return (stem.extension() == ".nii" ? stem.stem() : stem).string();
}

std::string file_name_of(const std::string& text) {
  std::string name = text;
  for (char& c : name)
    if (c == '/' || c == '\\' || std::iscntrl(static_cast<unsigned char>(c)) != 0) c = '_';
  return name == "." || name == ".." ? "_" : name;
}

std::vector<datasets::CaseRow> cases_at(const std::vector<std::string>& inputs, const datasets::CasePlan& plan,
                                        const CaseFileKinds& kinds, std::vector<std::string>* problems) {
  std::vector<datasets::CaseRow> rows;
  for (const std::string& input : inputs) {
    check_there(input);
    if (!fs::is_directory(input) && ends_in(input, {".csv"})) {
      const std::vector<datasets::CaseRow> listed = rows_of_table(input, plan, problems);
      rows.insert(rows.end(), listed.begin(), listed.end());
      continue;
    }
    std::vector<std::string> names;
    for (const datasets::CaseInput& one : plan.inputs) names.push_back(one.column);
    MEDUSA_CHECK_INPUT(names.size() == 1,
                       "--input {}: the network has {} inputs, expected a table (.csv) with the columns case, {}",
                       input, names.size(), fmt::join(names, ", "));
    std::vector<std::string> files{input};
    if (fs::is_directory(input))
      files = in_folder(input, [&](const std::string& file) {
        return (kinds.volumes && is_volume(file)) || (kinds.pictures && is_picture(file));
      });
    MEDUSA_CHECK_INPUT(!files.empty(), "--input {}: there is no {} in this folder", input,
                       !kinds.volumes   ? ".png, .jpg or .jpeg file"
                       : kinds.pictures ? "picture (.png, .jpg) or slice (.nii, .nii.gz, .mha, .mhd, .nrrd, .nhdr)"
                                        : "volume (.nii, .nii.gz, .mha, .mhd, .nrrd, .nhdr)");
    for (const std::string& file : files) {
      datasets::CaseRow row;
      row.id = stem_of(file);
      row.inputs = {file};
      rows.push_back(std::move(row));
    }
  }
  MEDUSA_CHECK_INPUT(!rows.empty() || (problems != nullptr && !problems->empty()), "--input {}: lists no cases",
                     fmt::join(inputs, " "));
  return rows;
}

}  // namespace medusa::tools

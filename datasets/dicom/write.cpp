// A case as files: what write_dicom_case promises in dicom/case.h.
#include <algorithm>
#include <filesystem>

#include "datasets/dicom/case.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

std::string file_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// The three parts of "folder/name" + ".nii.gz": what comes before the end, and the end.
struct OutputName {
  std::string base, end;
};

OutputName split_name(const std::string& path) {
  for (const char* end : {".nii.gz", ".nii", ".npz"})
    if (path.ends_with(end) && !file_name(path.substr(0, path.size() - std::string(end).size())).empty())
      return {path.substr(0, path.size() - std::string(end).size()), end};
  fail_input("{}: expected a name that ends in .nii.gz, .nii or .npz", path);
}

std::string structure_table(const DicomCase& study, const OutputName& name) {
  const double voxel = std::abs(study.ct.affine.determinant()) / 1000;  // cm3
  std::string table = "name,file,voxels,cm3\n";
  for (const DicomStructure& s : study.structures)
    table += fmt::format("{},{},{},{:.3f}\n", csv_field(s.name), file_name(name.base + "_" + s.key + name.end),
                         s.voxels, static_cast<double>(s.voxels) * voxel);
  return table;
}

std::vector<std::string> write_archive(const std::string& path, const DicomCase& study) {
  NpzArrays arrays;
  arrays["ct"] = array_of(study.ct);
  if (study.dose) arrays["dose"] = array_of(*study.dose);
  for (const DicomStructure& s : study.structures) arrays[s.key] = array_of(structure_volume(study, s));
  const Vec3 mm = study.ct.spacing();
  NpyArray spacing;
  spacing.stored = ScalarType::Float64;
  spacing.doubles.assign(mm.begin(), mm.end());
  spacing.values = Tensor::from(std::vector<real>(mm.begin(), mm.end()), {3});
  arrays["spacing"] = spacing;
  arrays["affine"] = arrays_of(study.ct).at("affine");
  write_npz(path, arrays);
  return {path};
}

std::string table_path(const OutputName& name) { return name.base + "_structures.csv"; }

// The files of a case, in the order in which they are written.
std::vector<std::string> output_files(const std::string& path, const OutputName& name, const DicomCase& study) {
  std::vector<std::string> files{path};
  if (study.dose) files.push_back(name.base + "_dose" + name.end);
  for (const DicomStructure& s : study.structures) files.push_back(name.base + "_" + s.key + name.end);
  if (!study.structures.empty()) files.push_back(table_path(name));
  return files;
}

// The masks that a table of structures names, as paths.
std::vector<std::string> recorded_masks(const std::string& table) {
  const Table read = read_csv(table);
  const std::size_t column = read.column("file");
  std::vector<std::string> masks;
  for (const auto& row : read.rows)
    masks.push_back(table.substr(0, table.find_last_of('/') + 1) + file_name(row[column]));
  return masks;
}

bool among(const std::vector<std::string>& list, const std::string& path) { return std::ranges::count(list, path) > 0; }

// What an earlier conversion to this name wrote, and this one does not.
void check_earlier_files(const std::string& path, const OutputName& name, const std::vector<std::string>& files) {
  const std::string table = table_path(name), dose = name.base + "_dose" + name.end;
  std::vector<std::string> earlier;
  if (fs::exists(table)) {
    earlier = recorded_masks(table);
    earlier.push_back(table);
  }
  if (fs::exists(table) || fs::exists(path)) earlier.push_back(dose);
  std::erase_if(earlier, [&](const std::string& file) { return among(files, file) || !fs::exists(file); });
  MEDUSA_CHECK_INPUT(
      earlier.empty(),
      "{}: an earlier conversion to this name wrote files that the new one does not have; remove them or "
      "choose another name: {}",
      path, first_names(earlier));
}

// "p1" with a structure "L_Lung", and "p1_L" with "Lung", have one file name for both.
void check_other_cases(const OutputName& name, const std::vector<std::string>& files) {
  const std::string folder = name.base.substr(0, name.base.find_last_of('/') + 1);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    const std::string table = folder + entry.path().filename().string();
    if (!table.ends_with("_structures.csv") || table == table_path(name) || !entry.is_regular_file(error)) continue;
    std::vector<std::string> masks;
    try {
      masks = recorded_masks(table);
    } catch (const InputError&) {  // not a table of structures
    }
    for (const std::string& mask : masks)
      MEDUSA_CHECK_INPUT(!among(files, mask), "{}: is a structure of another case, see {}; choose another name", mask,
                         table);
  }
}

}  // namespace

void check_dicom_output(const std::string& path) { split_name(path); }

std::vector<std::string> write_dicom_case(const std::string& path, const DicomCase& study) {
  const OutputName name = split_name(path);
  if (name.end == ".npz") return write_archive(path, study);
  const std::vector<std::string> files = output_files(path, name, study);
  check_earlier_files(path, name, files);
  check_other_cases(name, files);
  auto file = files.begin();
  write_nifti(*file++, study.ct);
  if (study.dose) write_nifti(*file++, *study.dose);
  for (const DicomStructure& s : study.structures) write_nifti(*file++, structure_volume(study, s));
  if (!study.structures.empty()) write_file(*file++, structure_table(study, name));
  return files;
}

}  // namespace medusa::datasets

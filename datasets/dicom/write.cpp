// A case as files: what write_dicom_case promises in dicom/case.h.
#include <algorithm>

#include "datasets/dicom/case.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

// A field of a CSV table, quoted where it must be.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

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
    table += fmt::format("{},{},{},{:.3f}\n", field(s.name), file_name(name.base + "_" + s.key + name.end), s.voxels,
                         static_cast<double>(s.voxels) * voxel);
  return table;
}

NpyArray array_of_doubles(const std::vector<double>& values, const Shape& shape) {
  NpyArray array;
  array.stored = ScalarType::Float64;
  array.doubles = values;
  array.values = Tensor::from(std::vector<real>(values.begin(), values.end()), shape);
  return array;
}

NpyArray array_of_voxels(const Volume& volume) {
  NpyArray array;
  array.values = volume.values.reshape({volume.depth(), volume.height(), volume.width()});
  array.stored = volume.stored;
  return array;
}

std::vector<std::string> write_archive(const std::string& path, const DicomCase& study) {
  NpzArrays arrays;
  arrays["ct"] = array_of_voxels(study.ct);
  if (study.dose) arrays["dose"] = array_of_voxels(*study.dose);
  for (const DicomStructure& s : study.structures) arrays[s.key] = array_of_voxels(structure_volume(study, s));
  const Vec3 spacing = study.ct.spacing();
  arrays["spacing"] = array_of_doubles({spacing.begin(), spacing.end()}, {3});
  std::vector<double> affine;
  for (const auto& row : study.ct.affine.m) affine.insert(affine.end(), row.begin(), row.end());
  affine.insert(affine.end(), {0, 0, 0, 1});
  arrays["affine"] = array_of_doubles(affine, {4, 4});
  write_npz(path, arrays);
  return {path};
}

}  // namespace

void check_dicom_output(const std::string& path) { split_name(path); }

std::vector<std::string> write_dicom_case(const std::string& path, const DicomCase& study) {
  const OutputName name = split_name(path);
  if (name.end == ".npz") return write_archive(path, study);
  std::vector<std::string> written{path};
  write_nifti(path, study.ct);
  const auto beside = [&](const std::string& key) { return written.emplace_back(name.base + "_" + key + name.end); };
  if (study.dose) write_nifti(beside("dose"), *study.dose);
  for (const DicomStructure& s : study.structures) write_nifti(beside(s.key), structure_volume(study, s));
  if (!study.structures.empty())
    write_file(written.emplace_back(name.base + "_structures.csv"), structure_table(study, name));
  return written;
}

}  // namespace medusa::datasets

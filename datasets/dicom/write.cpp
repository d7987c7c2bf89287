// A case as files: what write_dicom_case promises in dicom/case.h.
#include <algorithm>

#include "datasets/dicom/case.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

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

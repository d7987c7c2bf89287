// convert: files of one format to another.
#include <cmath>

#include "datasets/dicom_case.h"
#include "datasets/volume_file.h"
#include "tensor/check.h"
#include "tools/common_main.h"

namespace medusa::tools {
namespace {

struct VolumeOptions {
  std::string in, out, type, orientation;
};

void convert_volume(const VolumeOptions& options) {
  datasets::check_volume_name(options.out);
  datasets::Volume volume = datasets::read_volume(options.in);
  if (!options.orientation.empty()) {
    volume = datasets::to_orientation(volume, options.orientation);
    volume.file_orientation = options.orientation;
  }
  if (!options.type.empty()) {
    volume.stored = datasets::scalar_type(options.type);
    volume.slope = 1;
    volume.intercept = 0;
  }
  datasets::write_volume(options.out, volume);
  fmt::print("{}: {} x {} x {} voxels of {}, {}\n", options.out, volume.width(), volume.height(), volume.depth(),
             datasets::name(volume.stored), datasets::orientation(volume.affine));
  if (volume.rounded > 0)
    fmt::print(stderr, "convert: {}: {} numbers have more than the {} bits that are kept, and were rounded\n",
               options.in, volume.rounded, sizeof(real) == 4 ? 24 : 53);
}

struct DicomArguments {
  std::string in, out;
  datasets::DicomOptions options;
};

void convert_dicom(const DicomArguments& arguments) {
  datasets::check_dicom_output(arguments.out);
  const datasets::DicomCase study = datasets::read_dicom_case(arguments.in, arguments.options);
  for (const std::string& note : study.notes) fmt::print("note: {}\n", note);
  const datasets::Vec3 spacing = study.ct.spacing();
  fmt::print("{} series {}: {} files, {} x {} x {} voxels of {:.4g} x {:.4g} x {:.4g} mm, {}\n", study.modality,
             study.series, study.files, study.ct.width(), study.ct.height(), study.ct.depth(), spacing[0], spacing[1],
             spacing[2], datasets::orientation(study.ct.affine));
  const double voxel = std::abs(study.ct.affine.determinant()) / 1000;
  for (const datasets::DicomStructure& s : study.structures)
    fmt::print("structure {}: {} voxels, {:.1f} cm3\n", s.name, s.voxels, static_cast<double>(s.voxels) * voxel);
  for (const std::string& file : datasets::write_dicom_case(arguments.out, study)) fmt::print("{}\n", file);
}

void add_dicom_options(CommandLine& dicom, DicomArguments& arguments) {
  dicom.option("--in", arguments.in, "folder with DICOM files, at any depth").required();
  dicom.option("--out", arguments.out, "NAME.nii.gz (dose and structures beside it) or NAME.npz (all in one)")
      .required();
  dicom.option("--series", arguments.options.series, "SeriesInstanceUID of the scan, where there are several");
  dicom.option("--structures", arguments.options.structures, "structures to keep, by name; default: all")
      .split_at_comma();
  dicom.option("--rtstruct", arguments.options.rtstruct, "file with the structures, where there are several");
  dicom.option("--rtdose", arguments.options.rtdose, "file with the dose, where there are several");
  dicom.flag("--fill-gaps", arguments.options.fill_gaps, "make missing slices from their neighbours (else an error)");
  dicom.footer(
      "Slices are sorted by their position in the patient.  The scan is in HU, the dose in Gy on the scan's grid (0\n"
      "outside of its own), a structure is 1 where the centre of the voxel lies within its contours.");
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa;
  medusa::tools::CommandLine command{"Turns files of one format into another.", "convert"};
  medusa::tools::VolumeOptions options;
  medusa::tools::CommandLine& volume = command.subcommand(
      "volume", "any volume (NIfTI, MetaImage, NRRD, npy, npz) to .nii, .nii.gz, .mha, .mhd, .npy or .npz");
  volume.option("--in", options.in, "file to read").required();
  volume.option("--out", options.out, "file to write; the end of its name decides the format").required();
  volume.option("--type", options.type, "number type of the voxels, such as int16 or float32; default: as in the file");
  volume.option("--orientation", options.orientation,
                "side to which each axis shall grow, such as RAS or LPS; default: as in the file");
  volume.footer(
      "Voxels are never interpolated, clipped or moved in the patient.  Where slope and intercept are set and the new\n"
      "format has none, the values are written as float32.  Numbers of more than 24 bits (large int32, float64) are\n"
      "rounded to the nearest float, and a line says how many were.  .npy keeps voxels alone: [D, H, W] = [k, j, i].");
  medusa::tools::DicomArguments arguments;
  medusa::tools::CommandLine& dicom = command.subcommand(
      "dicom", "a folder of DICOM files: CT (or MR) series, RTSTRUCT, RTDOSE, to NIfTI files or .npz");
  medusa::tools::add_dicom_options(dicom, arguments);
  return medusa::tools::run(command, argc, argv, [&] {
    MEDUSA_CHECK_INPUT(volume.parsed() || dicom.parsed(), "convert: expected a subcommand: volume or dicom");
    if (volume.parsed()) medusa::tools::convert_volume(options);
    if (dicom.parsed()) medusa::tools::convert_dicom(arguments);
  });
}

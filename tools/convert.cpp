// convert: files of one format to another.
#include <algorithm>
#include <cmath>

#include "datasets/dicom/case.h"
#include "datasets/formats/volume_file.h"
#include "datasets/volumes/resample.h"
#include "tensor/check.h"
#include "tools/cli/program.h"

namespace medusa::tools {
namespace {

struct VolumeOptions {
  std::string in, out, type, orientation;
  std::vector<double> spacing, window, outside;
  std::vector<std::int64_t> size;
  bool labels = false, follow_outside = false;
};

void check_count(const char* option, std::size_t found, std::size_t expected) {
  MEDUSA_CHECK_INPUT(found == 0 || found == expected, "{}: expected {} numbers, found {}", option, expected, found);
}

void check(const VolumeOptions& o) {
  datasets::check_volume_name(o.out);
  check_count("--spacing", o.spacing.size(), 3);
  check_count("--size", o.size.size(), 3);
  check_count("--window", o.window.size(), 2);
  check_count("--outside", o.outside.size(), 1);
  MEDUSA_CHECK_INPUT(!o.labels || o.window.empty(), "--labels: labels have no window of intensities");
  MEDUSA_CHECK_INPUT(o.outside.empty() || !o.size.empty(), "--outside: only with --size");
}

// The value beyond the volume's edge: the given one, or the volume's smallest, which is air in a scan and 0 in a mask.
real outside_of(const VolumeOptions& options, const datasets::Volume& volume) {
  if (!options.outside.empty()) return static_cast<real>(options.outside[0]);
  const Tensor& values = volume.values;
  return *std::min_element(values.data(), values.data() + values.numel());
}

// Resampled, cropped or padded, and windowed, as the options say.
datasets::Volume on_other_grid(const VolumeOptions& o, datasets::Volume volume) {
  using datasets::Content;
  if (!o.spacing.empty())
    volume = datasets::resample(volume, datasets::Vec3{o.spacing[0], o.spacing[1], o.spacing[2]},
                                o.labels ? Content::Labels : Content::Amounts);
  if (!o.size.empty()) volume = datasets::crop_or_pad(volume, {o.size[0], o.size[1], o.size[2]}, outside_of(o, volume));
  return o.window.empty() ? volume : datasets::window(volume, o.window[0], o.window[1]);
}

void convert_volume(const VolumeOptions& options) {
  check(options);
  datasets::Volume volume = datasets::read_volume(options.in, {"", options.follow_outside});
  if (!options.orientation.empty()) {
    volume = datasets::to_orientation(volume, options.orientation, options.in);
    volume.file_orientation = options.orientation;
  }
  volume = on_other_grid(options, volume);
  if (!options.type.empty()) {
    volume.stored = datasets::scalar_type(options.type);
    volume.slope = 1;
    volume.intercept = 0;
  }
  datasets::write_volume(options.out, volume);
  print_line("{}: {} x {} x {} voxels of {}, {}", options.out, volume.width(), volume.height(), volume.depth(),
             datasets::name(volume.stored), datasets::orientation(volume.affine));
  if (volume.rounded > 0)
    print_error_line(fmt::format("convert: {}: {} numbers need more than the {} bits of a voxel and were rounded",
                                 options.in, volume.rounded, sizeof(real) == 4 ? 24 : 53));
}

struct DicomArguments {
  std::string in, out;
  datasets::DicomOptions options;
};

void convert_dicom(const DicomArguments& arguments) {
  datasets::check_dicom_output(arguments.out);
  const datasets::DicomCase study = datasets::read_dicom_case(arguments.in, arguments.options);
  for (const std::string& note : study.notes) print_line("note: {}", note);
  const datasets::Vec3 spacing = study.ct.spacing();
  print_line("{} series {}: {} files, {} x {} x {} voxels of {:.4g} x {:.4g} x {:.4g} mm, {}", study.modality,
             study.series, study.files, study.ct.width(), study.ct.height(), study.ct.depth(), spacing[0], spacing[1],
             spacing[2], datasets::orientation(study.ct.affine));
  const double voxel = std::abs(study.ct.affine.determinant()) / 1000;
  for (const datasets::DicomStructure& s : study.structures)
    print_line("structure {}: {} voxels, {:.1f} cm3", s.name, s.voxels, static_cast<double>(s.voxels) * voxel);
  for (const std::string& file : datasets::write_dicom_case(arguments.out, study)) print_line("{}", file);
}

void add_dicom_options(CommandLine& dicom, DicomArguments& arguments) {
  dicom.option("--in", arguments.in, "folder with DICOM files, at any depth").required();
  dicom.option("--out", arguments.out, "NAME.nii.gz (dose and structures beside it) or NAME.npz (all in one)")
      .required();
  dicom.option("--series", arguments.options.series, "SeriesInstanceUID of the scan, where there are several");
  dicom.option("--acquisition", arguments.options.acquisition,
               "which acquisition of the series, where there are several at the same place: as the message lists them");
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
      "volume",
      "any volume (NIfTI, MetaImage, NRRD, npy, npz) to .nii, .nii.gz, .hdr + .img, .mha, .mhd, .npy or .npz");
  volume.option("--in", options.in, "file to read").required();
  volume.option("--out", options.out, "file to write; the end of its name decides the format").required();
  volume.flag("--follow-outside", options.follow_outside, medusa::tools::kFollowOutside);
  volume.option("--type", options.type, "number type of the voxels, such as int16 or float32; default: as in the file");
  volume.option("--orientation", options.orientation,
                "side towards which each axis grows, such as RAS or LPS; default: as in the file");
  volume
      .option("--spacing", options.spacing,
              "mm along the three axes, such as 2,2,2: new voxels are interpolated from the old ones around them")
      .split_at_comma();
  volume.flag("--labels", options.labels,
              "the numbers are labels: each new voxel gets the one that most of the old ones around it have");
  volume
      .option("--size", options.size,
              "voxels along the three axes, such as 128,128,64: cropped or padded around the middle")
      .split_at_comma();
  volume.option("--outside", options.outside, "--size: what to pad with; default: the volume's smallest value");
  volume
      .option("--window", options.window,
              "two values, such as -1100,300, that become 0 and 1; values beyond are clipped")
      .split_at_comma();
  volume.footer(
      "Spacing, size and window are applied in this order, after --orientation.  Without them voxels are never\n"
      "interpolated or clipped; either way, nothing moves in the patient.  If slope and intercept are set and the new\n"
      "format has none, the values are written as float32.  Numbers of more than 24 bits (large int32, float64) are\n"
      "rounded to the nearest float, and a line says how many were.  .npy holds voxels only: [D, H, W] = [k, j, i].");
  medusa::tools::DicomArguments arguments;
  medusa::tools::CommandLine& dicom = command.subcommand(
      "dicom", "a folder of DICOM files: CT (or MR) series, RTSTRUCT, RTDOSE, to NIfTI files or .npz");
  medusa::tools::add_dicom_options(dicom, arguments);
  return medusa::tools::run(command, argc, argv, [&] {
    MEDUSA_CHECK_INPUT(volume.parsed() || dicom.parsed(), "expected a subcommand: volume or dicom");
    if (volume.parsed()) medusa::tools::convert_volume(options);
    if (dicom.parsed()) medusa::tools::convert_dicom(arguments);
  });
}

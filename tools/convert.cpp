// convert: files of one format to another.
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
  return medusa::tools::run(command, argc, argv, [&] {
    MEDUSA_CHECK_INPUT(volume.parsed(), "convert: expected a subcommand: volume");
    medusa::tools::convert_volume(options);
  });
}

// phantom: writes a folder of made-up pictures with known truth, in the layout of a real dataset.
#include "datasets/phantom.h"

#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/common_main.h"

namespace {

constexpr const char* kAbout =
    "Writes made-up data with known truth in the layout of a real dataset.  The same options give the same files.\n"
    "  ham10000  dermatoscopic pictures, exact masks, classes: JPEG, PNG and HAM10000_metadata.csv\n"
    "  openkbp   head-and-neck patients of 128x128x128 voxels: CT, outlines and dose as sparse CSV files";

void write_patients(const medusa::datasets::PhantomOptions& options, const std::string& config) {
  medusa::datasets::write_openkbp_phantom(options);
  medusa::write_file(options.folder + "/phantom.toml", config);
  fmt::print("{}: {} patients of 128x128x128 voxels\n", options.folder, options.count);
}

void write_pictures(const std::string& size, const std::string& setting, medusa::datasets::PhantomOptions options,
                    const std::string& config) {
  const medusa::tools::Size s = medusa::tools::parse_size(size);
  MEDUSA_CHECK_INPUT(s.depth == 0, "--size {}: expected HEIGHTxWIDTH, pictures have no depth", size);
  options.height = s.height;
  options.width = s.width;
  options.setting = medusa::datasets::phantom_setting(setting);
  medusa::datasets::write_ham10000_phantom(options);
  medusa::write_file(options.folder + "/phantom.toml", config);
  fmt::print("{}: {} pictures of {}x{} (height x width)\n", options.folder, options.count, s.height, s.width);
}

}  // namespace

int main(int argc, char** argv) {
  medusa::tools::CommandLine command{kAbout, "phantom"};
  medusa::datasets::PhantomOptions options;
  std::string layout = "ham10000", size, setting = "plain";
  int threads = 0;
  command.option("--layout", layout, "which dataset's layout").one_of({"ham10000", "openkbp"});
  command.option("--count", options.count, "number of pictures or patients");
  command.option("--seed", options.seed, "seed of all that is random");
  command.option("--out", options.folder, "folder to make").required();
  command.option("--size", size, "ham10000: size of the pictures in pixels, HEIGHTxWIDTH; none given: 450x600");
  command
      .option(
          "--setting", setting,
          "ham10000: plain; or shared: the class shows inside the lesion alone, other classes' colours lie around it")
      .one_of({"plain", "shared"});
  command.option("--threads", threads, "threads to use; 0: as many as the machine has");
  command.config_file("file with these options, such as the phantom.toml that is written beside the pictures");
  return medusa::tools::run(command, argc, argv, [&] {
    medusa::set_threads(threads);
    if (layout == "ham10000")
      return write_pictures(size.empty() ? "450x600" : size, setting, options, command.config_text());
    MEDUSA_CHECK_INPUT(size.empty() && setting == "plain", "--layout openkbp: has neither --size nor --setting");
    write_patients(options, command.config_text());
  });
}

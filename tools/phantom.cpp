// phantom: writes a folder of made-up pictures with known truth, in the layout of a real dataset.
#include "datasets/phantom.h"

#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/common_main.h"

namespace {

constexpr const char* kAbout =
    "Writes made-up dermatoscopic pictures with exact masks and known classes, in the layout of HAM10000:\n"
    "JPEG pictures, PNG masks and HAM10000_metadata.csv.  The same options give the same files.";

void write(const std::string& size, const std::string& setting, medusa::datasets::PhantomOptions options, int threads,
           const std::string& config) {
  const medusa::tools::Size s = medusa::tools::parse_size(size);
  options.height = s.height;
  options.width = s.width;
  options.setting = medusa::datasets::phantom_setting(setting);
  medusa::set_threads(threads);
  medusa::datasets::write_ham10000_phantom(options);
  medusa::write_file(options.folder + "/phantom.toml", config);
  fmt::print("{}: {} pictures of {}x{} (height x width)\n", options.folder, options.count, s.height, s.width);
}

}  // namespace

int main(int argc, char** argv) {
  medusa::tools::CommandLine command{kAbout, "phantom"};
  medusa::datasets::PhantomOptions options;
  std::string layout = "ham10000", size = "450x600", setting = "plain";
  int threads = 0;
  command.option("--layout", layout, "which dataset's layout").one_of({"ham10000"});
  command.option("--count", options.count, "number of pictures");
  command.option("--seed", options.seed, "seed of all that is random");
  command.option("--out", options.folder, "folder to make").required();
  command.option("--size", size, "size of the pictures in pixels, HEIGHTxWIDTH");
  command
      .option("--setting", setting,
              "plain; or shared: the class shows inside the lesion alone, other classes' colours lie around it")
      .one_of({"plain", "shared"});
  command.option("--threads", threads, "threads to use; 0: as many as the machine has");
  command.config_file("file with these options, such as the phantom.toml that is written beside the pictures");
  return medusa::tools::run(command, argc, argv,
                            [&] { write(size, setting, options, threads, command.config_text()); });
}

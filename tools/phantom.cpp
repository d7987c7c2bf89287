// phantom: writes a folder of made-up pictures with known truth, in the layout of a real dataset.
#include "datasets/phantoms/phantom.h"

#include "datasets/extent.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cli/program.h"

namespace {

constexpr const char* kAbout =
    "Writes made-up data with known truth in the layout of a real dataset.  The same options give the same files.\n"
    "  ham10000  dermatoscopic pictures, exact masks, classes: JPEG, PNG and HAM10000_metadata.csv\n"
    "  openkbp   head-and-neck patients of 128x128x128 voxels: CT, outlines and dose as sparse CSV files\n"
    "  stoic     chest CT with and without COVID-19, severe or not: .mha and metadata/reference.csv\n"
    "  prostate  pelvic CT with outlines and dose: NIfTI and .npz, and cases.csv\n"
    "  folder    pictures described by dataset.toml and cases.csv, as your own data can be";

using medusa::datasets::PhantomOptions;

struct Layout {
  const char* name;
  const char* size;  // DEPTHxHEIGHTxWIDTH of volumes, HEIGHTxWIDTH of pictures; null: has none to choose
  void (*write)(const PhantomOptions&);
  const char* what;  // "pictures"
};

constexpr Layout kLayouts[] = {
    {"ham10000", "450x600", medusa::datasets::write_ham10000_phantom, "pictures"},
    {"openkbp", nullptr, medusa::datasets::write_openkbp_phantom, "patients of 128x128x128 voxels"},
    {"stoic", "64x96x96", medusa::datasets::write_stoic_phantom, "chests"},
    {"prostate", "32x48x64", medusa::datasets::write_prostate_phantom, "pelves"},
    {"folder", "120x160", medusa::datasets::write_folder_phantom, "pictures"},
};

std::vector<std::string> layout_names() {
  std::vector<std::string> names;
  for (const Layout& layout : kLayouts) names.emplace_back(layout.name);
  return names;
}

const Layout& layout_of(const std::string& name) {
  for (const Layout& layout : kLayouts)
    if (name == layout.name) return layout;
  medusa::fail("phantom: layout {}", name);  // the option lists them
}

void write(const Layout& layout, const std::string& size, const std::string& setting, PhantomOptions options,
           const std::string& config) {
  const bool pictures = std::string(layout.what) == "pictures";
  MEDUSA_CHECK_INPUT(layout.size != nullptr || (size.empty() && setting == "plain"),
                     "--layout {}: has neither --size nor --setting", layout.name);
  MEDUSA_CHECK_INPUT(std::string(layout.name) == "ham10000" || setting == "plain", "--layout {}: has no --setting",
                     layout.name);
  std::string shape;
  if (layout.size != nullptr) {
    const auto s = medusa::datasets::Extent::parse(size.empty() ? layout.size : size, "--size");
    MEDUSA_CHECK_INPUT(!pictures || s.depth == 0, "--size {}: expected HEIGHTxWIDTH, pictures have no depth", size);
    MEDUSA_CHECK_INPUT(pictures || s.depth > 0, "--size {}: expected DEPTHxHEIGHTxWIDTH, three numbers for volumes",
                       size);
    options.size = s;
    shape = pictures ? fmt::format(" of {}x{} (height x width)", s.height, s.width)
                     : fmt::format(" of {}x{}x{} voxels", s.depth, s.height, s.width);
  }
  options.setting = medusa::datasets::phantom_setting(setting);
  layout.write(options);
  medusa::write_file(options.folder + "/phantom.toml", config);
  medusa::tools::print_line("{}: {} {}{}", options.folder, options.count, layout.what, shape);
}

}  // namespace

int main(int argc, char** argv) {
  medusa::tools::CommandLine command{kAbout, "phantom"};
  medusa::datasets::PhantomOptions options;
  std::string layout = "ham10000", size, setting = "plain";
  int threads = 0;
  command.option("--layout", layout, "which dataset's layout").one_of(layout_names());
  command.option("--count", options.count, "number of pictures or patients");
  command.option("--seed", options.seed, "seed of all that is random");
  command.option("--out", options.folder, "folder to make").required();
  command.option(
      "--size", size,
      "size of the pictures in pixels, HEIGHTxWIDTH, or of the volumes in voxels, DEPTHxHEIGHTxWIDTH; default: "
      "450x600 for ham10000, 64x96x96 for stoic, 32x48x64 for prostate, 120x160 for folder");
  command
      .option(
          "--setting", setting,
          "ham10000: plain; or shared: the class shows only inside the lesion, with other classes' colours around it")
      .one_of({"plain", "shared"});
  command.option("--threads", threads, "threads to use; 0: as many as the machine has");
  command.config_file("file with these options, such as the phantom.toml that is written beside the pictures");
  return medusa::tools::run(
      command, argc, argv,
      [&] {
        medusa::set_threads(threads);
        write(layout_of(layout), size, setting, options, command.config_text());
      },
      medusa::tools::kSmallerSize);
}

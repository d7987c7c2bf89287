// Phantoms for the dataset folder: pictures of lesions with a dataset.toml and a table, as a user would write them.
#include <algorithm>

#include "datasets/layouts/ham10000.h"
#include "datasets/phantoms/checks.h"
#include "datasets/phantoms/phantom.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

constexpr const char* kDescription = R"(# What is in this folder: see datasets/README.md of medusa.
manifest = "cases.csv"
size = "48x64"             # height x width that the network sees

[input.photo]              # the column photo of cases.csv names a picture
channels = 3
mean = [124, 116, 104]     # of the values in the file, here 0 to 255
deviation = [58, 57, 57]

[target.lesion]            # the column lesion names its mask
kind = "segmentation"

[target.finding]           # the column finding holds one of these words
kind = "classification"
classes = ["nv", "mel", "vasc"]

[target.removed]           # 0 or 1; asked of melanomas alone
kind = "binary"
only_if = "suspicious"

[target.area]              # an amount of the whole picture: how much of it the lesion fills
kind = "scalar"
unit = "%"
scale = 20                 # what is learnt is the column's number / 20, which is about 1
)";

}  // namespace

void write_folder_phantom(const PhantomOptions& o) {
  MEDUSA_CHECK_INPUT(o.count > 0 && o.count <= 100000, "count is {}, expected 1 to 100000", o.count);
  MEDUSA_CHECK_INPUT(o.size.height >= 8 && o.size.width >= 8 && o.size.height <= 4096 && o.size.width <= 4096,
                     "size is {}, expected 8x8 to 4096x4096", o.size.text());
  const std::string table = o.folder + "/cases.csv";
  check_new(table);
  for (const char* part : {"photos", "lesions"}) make_folders(o.folder + "/" + part);
  constexpr const char* kClasses[] = {"nv", "mel", "vasc"};
  const auto& known = Ham10000::classes();
  std::vector<std::string> rows(static_cast<std::size_t>(o.count));
  parallel_for(o.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const char* finding = kClasses[i % 3];
      const std::uint64_t seed = stream_of(fmt::format("folder {} {}", o.seed, i));
      const Picture p = draw_lesion(std::find(known.begin(), known.end(), finding) - known.begin(), seed, seed + 1,
                                    o.size.height, o.size.width);
      const std::string name = fmt::format("p{:04}", i);
      const bool jpeg = i % 2 == 0;
      write_file(fmt::format("{}/photos/{}.{}", o.folder, name, jpeg ? "jpg" : "png"),
                 jpeg ? encode_jpeg(p.image, 92) : encode_png(p.image));
      write_file(fmt::format("{}/lesions/{}.png", o.folder, name), encode_png(p.mask));
      // Every seventh has no mask and no area, and every fifth no diagnosis.
      const auto inside = std::count_if(p.mask.pixels.begin(), p.mask.pixels.end(), [](auto v) { return v >= 128; });
      const double area = 100.0 * static_cast<double>(inside) / static_cast<double>(p.mask.pixels.size());
      const bool mel = i % 3 == 1;
      rows[static_cast<std::size_t>(i)] =
          fmt::format("{},photos/{}.{},{},{},{},{},{}\n", name, name, jpeg ? "jpg" : "png",
                      i % 7 == 6 ? "" : "lesions/" + name + ".png", i % 5 == 4 ? "" : finding, mel ? 1 : 0,
                      mel ? (i % 6 == 1 ? "1" : "0") : "", i % 7 == 6 ? "" : fmt::format("{:.2f}", area));
    }
  });
  std::string text = "case,photo,lesion,finding,suspicious,removed,area\n";
  for (const std::string& row : rows) text += row;
  write_file(o.folder + "/dataset.toml", kDescription);
  write_file(table, text);
}

}  // namespace medusa::datasets

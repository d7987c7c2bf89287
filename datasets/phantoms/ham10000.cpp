// A whole folder of phantom lesions in the layout of HAM10000.
#include "datasets/layouts/ham10000.h"

#include "datasets/phantoms/checks.h"
#include "datasets/phantoms/phantom.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

// The share of each class among the lesions; as in the real set nevi lead, but the rare classes are not as rare.
constexpr double kPart[7] = {0.10, 0.12, 0.16, 0.08, 0.16, 0.30, 0.08};
constexpr double kSharedPart[7] = {0, 0.25, 0, 0, 0.25, 0.25, 0.25};

struct Entry {
  std::int64_t label, lesion;  // lesion: its number
  bool second;                 // the second picture of its lesion
};

std::vector<Entry> plan(const PhantomOptions& options) {
  Random random(options.seed, stream_of("plan"));
  std::vector<Entry> entries;
  double lesions[7] = {};
  const double* part = options.setting == PhantomSetting::Shared ? kSharedPart : kPart;
  for (std::int64_t lesion = 0; static_cast<std::int64_t>(entries.size()) < options.count; ++lesion) {
    std::int64_t label = 0;  // the class that lags furthest behind its share: every count has the right mix
    for (std::int64_t k = 1; k < 7; ++k)
      if (lesions[k] - part[k] * static_cast<double>(lesion + 1) <
          lesions[label] - part[label] * static_cast<double>(lesion + 1))
        label = k;
    ++lesions[label];
    entries.push_back({label, lesion, false});
    if (random.chance(0.3) && static_cast<std::int64_t>(entries.size()) < options.count)
      entries.push_back({label, lesion, true});
  }
  return entries;
}

// 0 = white = lesion: the palette upside down, as in 402 of the real masks.
std::string inverted_palette_png(Image mask) {
  std::vector<std::uint8_t> palette;
  for (int i = 0; i < 256; ++i) palette.insert(palette.end(), 3, static_cast<std::uint8_t>(255 - i));
  for (std::uint8_t& v : mask.pixels) v = static_cast<std::uint8_t>(255 - v);
  return encode_palette_png(mask, palette);
}

std::string table_row(const Entry& e, const std::string& id, std::uint64_t seed) {
  static constexpr const char* kPlaces[] = {"back", "face", "trunk", "abdomen", "lower extremity", "upper extremity"};
  Random random(seed, stream_of(fmt::format("patient {}", e.lesion)));
  const std::int64_t age = 5 * (4 + random.below(14));
  const char* sex = random.chance(0.5) ? "male" : "female";
  return fmt::format("HAM_{:07},{},{},phantom,{}.0,{},{}\n", 9000000 + e.lesion, id,
                     Ham10000::classes()[static_cast<std::size_t>(e.label)], age, sex, kPlaces[random.below(6)]);
}

}  // namespace

void write_ham10000_phantom(const PhantomOptions& options) {
  MEDUSA_CHECK_INPUT(options.count > 0 && options.count <= 900000, "count is {}, expected 1 to 900000", options.count);
  MEDUSA_CHECK_INPUT(
      options.size.height >= 8 && options.size.width >= 8 && options.size.height <= 4096 && options.size.width <= 4096,
      "size is {}, expected 8x8 to 4096x4096", options.size.text());
  const std::string &root = options.folder, table = root + "/HAM10000_metadata.csv";
  check_new(table);
  const std::string parts[2] = {root + "/HAM10000_images_part_1", root + "/HAM10000_images_part_2"};
  const std::string masks = root + "/HAM10000_segmentations_lesion_tschandl";
  for (const std::string& folder : {parts[0], parts[1], masks}) make_folders(folder);

  const std::vector<Entry> entries = plan(options);
  const auto id = [](std::int64_t i) { return fmt::format("ISIC_{:07}", 9000000 + i); };
  parallel_for(options.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Entry& e = entries[static_cast<std::size_t>(i)];
      const std::uint64_t lesion = stream_of(fmt::format("phantom {} {}", options.seed, e.lesion));
      const Picture p = draw_lesion(e.label, lesion, lesion + (e.second ? 2 : 1), options.size.height,
                                    options.size.width, options.setting);
      write_file(fmt::format("{}/{}.jpg", parts[2 * i >= options.count], id(i)), encode_jpeg(p.image, 92));
      write_file(fmt::format("{}/{}_segmentation.png", masks, id(i)),
                 i % 8 == 3 ? inverted_palette_png(p.mask) : encode_png(p.mask));
    }
  });
  std::string text = "lesion_id,image_id,dx,dx_type,age,sex,localization\n";
  for (std::int64_t i = 0; i < options.count; ++i)
    text += table_row(entries[static_cast<std::size_t>(i)], id(i), options.seed);
  write_file(table, text);
}

}  // namespace medusa::datasets

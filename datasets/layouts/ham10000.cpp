#include "datasets/layouts/ham10000.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>

#include "datasets/cases/picture_notes.h"
#include "datasets/formats/cell.h"
#include "datasets/formats/csv.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;
using Files = std::unordered_map<std::string, std::string>;  // name in the folder -> path

constexpr const char* kImageFolders[] = {"HAM10000_images_part_1", "HAM10000_images_part_2"};
constexpr const char* kMaskFolder = "HAM10000_segmentations_lesion_tschandl";

// One listing of a folder is faster than asking for 10,015 files one by one.
void list(const std::string& folder, Files& files) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    files.emplace(it->path().filename().string(), it->path().string());
  MEDUSA_CHECK_INPUT(!error, "{}: cannot be listed: {}", folder, error.message());
}

Files list_images(const std::string& root) {
  Files files;
  bool any = false;
  for (const char* part : kImageFolders) {
    const std::string folder = root + "/" + part;
    if (!fs::is_directory(folder)) continue;
    any = true;
    list(folder, files);
  }
  MEDUSA_CHECK_INPUT(any, "{}: holds neither {} nor {}", root, kImageFolders[0], kImageFolders[1]);
  return files;
}

}  // namespace

const std::vector<std::string>& Ham10000::classes() {
  static const std::vector<std::string> names = {"akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"};
  return names;
}

Ham10000::Ham10000(const DatasetOptions& options) : options_(options), cache_(options.cache_bytes) {
  MEDUSA_CHECK_INPUT(
      options.size.height > 0 && options.size.width > 0 && options.size.width <= kMaxPixels / options.size.height,
      "ham10000: invalid size {} (height x width)", options.size.text());
  MEDUSA_CHECK_INPUT(options.size.depth == 0, "ham10000: size {} has three sides, pictures have two",
                     options.size.text());
  MEDUSA_CHECK_INPUT(options.inputs.empty(), "ham10000: there is no input {} besides the picture", options.inputs[0]);
  check(options.normalisation);
  check(options.augment);
  targets_ = {segmentation("lesion", {"lesion"}), classification("diagnosis", classes())};
  read_table();
}

void Ham10000::read_table() {
  const std::string& root = options_.folder;
  MEDUSA_CHECK_INPUT(fs::is_directory(root), "{}: there is no such folder", root);
  const Table table = read_csv(root + "/HAM10000_metadata.csv");
  const std::size_t id = table.column("image_id"), lesion = table.column("lesion_id"), dx = table.column("dx");
  MEDUSA_CHECK_INPUT(!table.rows.empty(), "{}: has a header but no rows", table.name);
  const Files images = list_images(root);
  const std::string mask_folder = root + "/" + kMaskFolder;
  MEDUSA_CHECK_INPUT(fs::is_directory(mask_folder), "{}: there is no such folder", mask_folder);
  Files masks;
  list(mask_folder, masks);

  std::unordered_set<std::string> seen;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    attempt(options_.problems, [&] {
      const std::vector<std::string>& fields = table.rows[i];
      const auto known = std::find(classes().begin(), classes().end(), fields[dx]);
      MEDUSA_CHECK_INPUT(known != classes().end(), "{}: class {} is unknown; there are: {}", table.where(i), fields[dx],
                         fmt::join(classes(), ", "));
      check_name(fields[id], table.where(i), "image_id");
      MEDUSA_CHECK_INPUT(seen.insert(fields[id]).second, "{}: image {} is listed twice", table.where(i), fields[id]);
      const auto image = images.find(fields[id] + ".jpg");
      MEDUSA_CHECK_INPUT(image != images.end(), "{}: image {}.jpg is in neither {} nor {}", table.where(i), fields[id],
                         kImageFolders[0], kImageFolders[1]);
      const auto mask = masks.find(fields[id] + "_segmentation.png");
      MEDUSA_CHECK_INPUT(mask != masks.end(), "{}/{}_segmentation.png: missing: the mask of {}", mask_folder,
                         fields[id], image->second);
      rows_.push_back({fields[id], fields[lesion], image->second, mask->second, known - classes().begin()});
    });
  MEDUSA_CHECK_INPUT(!rows_.empty(), "{}: no row of it is valid", table.name);
}

const Ham10000::Row& Ham10000::row(std::int64_t index) const {
  MEDUSA_CHECK(index >= 0 && index < size(), "ham10000: sample {} of {}", index, size());
  return rows_[static_cast<std::size_t>(index)];
}

Image Ham10000::read_picture(const Row& row) { return to_rgb(read_image(row.image)); }

std::vector<std::string> Ham10000::notes() const {
  CaseInput image;
  image.name = "image";
  image.channels = 3;
  std::vector<CaseRow> rows(rows_.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].inputs = {rows_[i].image};
  return picture_notes({image}, rows);
}

Picture Ham10000::fitted(const Row& row, const Image& image, const Image& mask) const {
  MEDUSA_CHECK_INPUT(image.width == mask.width && image.height == mask.height, "{}: is {}x{}, its image {} is {}x{}",
                     row.mask, mask.width, mask.height, row.image, image.width, image.height);
  Picture picture{resize(image, options_.size.width, options_.size.height),
                  resize(mask, options_.size.width, options_.size.height)};
  for (std::uint8_t& v : picture.mask.pixels) v = v >= 128 ? 255 : 0;
  return picture;
}

std::shared_ptr<const Picture> Ham10000::picture(std::int64_t index) const {
  const Row& r = row(index);
  return cache_.get(index, [&] { return fitted(r, read_picture(r), read_mask(r.mask)); });
}

Sample Ham10000::sample(const Row& row, const Picture& picture) const {
  return {row.id,
          to_input(picture.image, options_.normalisation),
          {{to_mask(picture.mask), {}}, {Tensor::scalar(static_cast<real>(row.label)), {}}}};
}

RawSample Ham10000::raw(std::int64_t index) const {
  const Row& r = row(index);
  RawSample out;
  const auto look_at = [&](const char* name, const std::string& file, const Image& image) {
    out.ranges.push_back(range_of(name, "", image.pixels.data(), image.pixels.size()));
    const RawSample::Range& range = out.ranges.back();
    if (range.low == range.high) out.problems.push_back(fmt::format("{}: all values are {}", file, range.low));
  };
  Image picture, mask;
  const bool seen = attempt(&out.problems, [&] {
    picture = read_picture(r);
    out.shape = {picture.height, picture.width};
    look_at("picture", r.image, picture);
  });
  const bool outlined = attempt(&out.problems, [&] {
    mask = read_mask(r.mask);
    look_at("mask", r.mask, mask);
  });
  if (seen && outlined) attempt(&out.problems, [&] { out.sample = sample(r, fitted(r, picture, mask)); });
  return out;
}

Sample Ham10000::get(std::int64_t index) const { return sample(row(index), *picture(index)); }

Sample Ham10000::get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const {
  return sample(row(index), augment(*picture(index), options_.augment, seed, epoch, index));
}

}  // namespace medusa::datasets

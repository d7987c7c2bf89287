// HAM10000: 10,015 dermatoscopic pictures of pigmented skin lesions with outline and diagnosis  (Tschandl, Rosendahl,
// Kittler, "The HAM10000 dataset", Scientific Data 5:180161, 2018; outlines: Tschandl et al., Nature Medicine 2020).
#pragma once

#include "datasets/cache.h"
#include "datasets/dataset.h"
#include "datasets/options.h"

namespace medusa::datasets {

// The folder as distributed:
//   HAM10000_metadata.csv                          lesion_id, image_id, dx, ... : one row per picture
//   HAM10000_images_part_1/<image_id>.jpg          and HAM10000_images_part_2/ (either may be absent)
//   HAM10000_segmentations_lesion_tschandl/<image_id>_segmentation.png
// Targets: lesion (segmentation, 1 channel) and diagnosis (classification, 7 classes).  Groups are lesions.
class Ham10000 : public Dataset {
 public:
  // Reads the table and checks that every row's files exist.  Throws InputError naming the file, or file:line.
  explicit Ham10000(const DatasetOptions& options);

  static const std::vector<std::string>& classes();  // akiec, bcc, bkl, df, mel, nv, vasc

  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  const std::vector<TargetInfo>& targets() const override { return targets_; }
  std::string id(std::int64_t index) const override { return row(index).id; }
  std::string group(std::int64_t index) const override { return row(index).lesion; }
  Shape input_shape() const override { return {options_.size.height, options_.size.width, 3}; }
  std::int64_t class_of(std::int64_t index, std::size_t target) const override {
    return target == 1 ? row(index).label : -1;
  }
  std::optional<std::vector<real>> known_label(std::int64_t index, std::size_t target) const override {
    return std::vector<real>{target == 0 ? real(1) : static_cast<real>(row(index).label)};
  }
  std::int64_t sampling_class(std::int64_t index) const override { return row(index).label; }
  std::vector<std::string> notes() const override;
  RawSample raw(std::int64_t index) const override;
  Sample get(std::int64_t index) const override;
  Sample get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const override;

  const PictureCache& cache() const { return cache_; }

 private:
  struct Row {
    std::string id, lesion, image, mask;  // image and mask: paths
    std::int64_t label;
  };
  const Row& row(std::int64_t index) const;
  void read_table();
  std::shared_ptr<const Picture> picture(std::int64_t index) const;
  static Image read_picture(const Row& row);
  // Resized to what the network sees.  Throws InputError if mask and picture differ in size.
  Picture fitted(const Row& row, const Image& picture, const Image& mask) const;
  Sample sample(const Row& row, const Picture& picture) const;

  DatasetOptions options_;
  std::vector<TargetInfo> targets_;
  std::vector<Row> rows_;
  mutable PictureCache cache_;
};

}  // namespace medusa::datasets

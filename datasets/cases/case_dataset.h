// Datasets that are a list of cases with files of their own: what goes in, what is to be learnt, where the files are.
// Each layout (stoic.h, folder.h) only makes such a list; reading, fitting and augmenting are done here for all.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "datasets/cache.h"
#include "datasets/dataset.h"
#include "datasets/disk_cache.h"
#include "datasets/options.h"
#include "datasets/transforms/volume_transforms.h"

namespace medusa::datasets {

// An input image of the network.  PNG and JPEG have values of 0 to 255 whatever their bits (16-bit ones are divided by
// 257), or of 0 to 65535 where window, mean or std are beyond 256.  Values are clipped to `window`, then become
//   (value - mean) / std, if `mean` and `std` are given: one number for all channels or one for each;
//   the same with the case's own mean and std, if `by_case`;
//   0 at the window's lower end to 1 at its upper, if only `window` is given;
//   else value / 255 for PNG and JPEG; volumes stay unchanged.
struct CaseInput {
  std::string name;
  std::string column;  // in the table of cases
  std::int64_t channels = 1;
  std::optional<std::array<double, 2>> window;
  std::vector<double> mean, std;
  bool by_case = false;
};

// Of one target: a case keeps a map of its voxels for each.
inline constexpr std::size_t kMostClasses = 1024;

struct CaseTarget {
  TargetInfo info;
  // Segmentation: the number that stands for each class in the file.  Empty: the class numbers themselves; for a single
  // class 0 and 1, or 0 and 255.
  std::vector<double> values;
  // Structures and segmentation: pairs of classes that swap when a case is mirrored (a left and a right organ).
  std::vector<std::array<std::size_t, 2>> mirrored;

  // Segmentation: `values`, or their default if empty (0 and 1 for a single class).
  std::vector<double> class_numbers() const;
};

inline constexpr int kLeftRight = 2;  // the axis of a volume's grid that mirrors swap: volumes are RAS+

// A case's label for one target; all empty: the case has none.
struct CaseLabel {
  std::vector<std::string> files;  // pixel-level: one; structures: one per channel, "": no mask
  std::string mask;                // a file that is 0 where the label does not count; "": it counts everywhere
  std::vector<real> numbers;       // image-level: the class number; 0 and 1, or amount / scale, per channel
  bool present() const;
};

struct CaseRow {
  std::string id, group, part;      // see Dataset; group "": the id
  std::string where;                // file:line of the table, for messages
  std::vector<std::string> inputs;  // a file each, "archive.npz#array" for one array of several
  std::vector<CaseLabel> labels;
};

struct CasePlan {
  std::string name;  // of the dataset, for messages
  std::vector<CaseInput> inputs;
  std::vector<CaseTarget> targets;
  std::vector<CaseRow> rows;
  // Volumes: mm from voxel to voxel along depth, height, width; or the mm that each side shows.  Neither: all of the
  // volume is shown, whatever its proportions.
  std::vector<double> spacing;
  double field_of_view = 0;
  std::vector<std::string> notes;  // what a user should know, a line each
  DataFolder folder;               // where files may lie that headers name
};

// A case on the grid that the network sees.
struct Case {
  struct Label {
    std::vector<std::vector<std::uint16_t>> maps;  // segmentation: class numbers; structures: 0 and 1 per channel
    std::vector<std::vector<real>> values;         // regression, a channel each
    std::vector<std::uint16_t> mask;               // 0 where it does not count; empty: everywhere
    std::vector<bool> outlined;                    // structures: which of them have a mask
    bool present = false;
  };
  Extent grid;
  Vec3 spacing{1, 1, 1};                  // mm along depth, height, width
  std::vector<std::vector<real>> inputs;  // a channel each, normalised
  std::vector<Label> labels;
  std::int64_t bytes() const;
};

// Reads a case.  `size`: depth (0: pictures), height, width.  Throws InputError naming the file: unreadable, on a
// different grid from the first input, an invalid label, values that are not finite.
Case read_case(const CasePlan& plan, const CaseRow& row, const Extent& size);
// The same, but one bad file does not stop the rest from being read: `raw` gets all problems and what the files hold.
// Returns nullopt where read_case would throw.
std::optional<Case> inspect_case(const CasePlan& plan, const CaseRow& row, const Extent& size, RawSample* raw);
// The files that it reads, each at a fixed place in the list; "" where the row has no such file.
std::vector<std::string> sources_of(const CasePlan& plan, const CaseRow& row);
// A case as bytes, and back.  Throws Error if the bytes do not hold a case.
std::string packed(const Case& c);
Case unpacked_case(const std::string& bytes);
// The random change of a case: for a volume that of draw_change (transforms/volume_transforms.h), for a picture
// mirrors, a rotation in its plane, zoom, shift, deformation, gamma and noise.
VolumeChange draw_case_change(const AugmentOptions& options, const Case& c, bool picture, std::uint64_t seed,
                              std::int64_t epoch, std::int64_t index);
// The case as training sees it.  `plan` says which classes a mirror swaps.
Case augment(const CasePlan& plan, const Case& original, const VolumeChange& change);

class CaseDataset : public Dataset {
 public:
  // Throws InputError if sizes and options do not fit, or the plan has no cases.
  CaseDataset(CasePlan plan, const DatasetOptions& options);

  std::int64_t size() const override { return static_cast<std::int64_t>(plan_.rows.size()); }
  const std::vector<TargetInfo>& targets() const override { return targets_; }
  std::string id(std::int64_t index) const override { return row(index).id; }
  std::string group(std::int64_t index) const override;
  std::string part(std::int64_t index) const override { return row(index).part; }
  Shape input_shape() const override;
  std::int64_t class_of(std::int64_t index, std::size_t target) const override;
  std::optional<std::vector<real>> known_label(std::int64_t index, std::size_t target) const override;
  std::int64_t sampling_class(std::int64_t index) const override;  // of the first image-level target with classes
  std::vector<std::string> notes() const override;
  std::string description() const override;
  RawSample raw(std::int64_t index) const override;
  Sample get(std::int64_t index) const override;
  Sample get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const override;

  const CasePlan& plan() const { return plan_; }
  const Cache<Case>& cache() const { return cache_; }

 private:
  const CaseRow& row(std::int64_t index) const;
  std::shared_ptr<const Case> decoded(std::int64_t index) const;
  Sample sample(const CaseRow& row, const Case& c) const;

  CasePlan plan_;
  DatasetOptions options_;
  Extent size_;
  std::vector<TargetInfo> targets_;
  std::string recipe_;  // how a case is decoded: all that its numbers depend on
  mutable Cache<Case> cache_;
  DiskCache disk_;
};

}  // namespace medusa::datasets

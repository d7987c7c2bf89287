// Datasets that are a list of cases with files of their own: what goes in, what is to be learnt, where the files are.
// Each layout (stoic.h, folder.h) only makes such a list; reading, fitting and augmenting is done here for all.
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

// An image that goes into the network.  Values are cut to `window`, then become
//   (value - mean) / std     with `mean` and `std`, a number for all channels or one for each
//   the same with those of the case itself, with `by_case`
//   0 at the window's lower end to 1 at its upper, with `window` alone
//   value / 255 (of 16 bits / 65535), of PNG and JPEG; and stay as they are, of volumes.
struct CaseInput {
  std::string name;
  std::string column;  // of a table of cases
  std::int64_t channels = 1;
  std::optional<std::array<double, 2>> window;
  std::vector<double> mean, std;
  bool by_case = false;
};

struct CaseTarget {
  TargetInfo info;
  // Segmentation: the number in the file of each class.  None: the class numbers themselves, or 0 and 1 or 255 where
  // there is one class alone.
  std::vector<double> values;
  // Structures and segmentation: classes that change names when a case is mirrored (a left and a right organ).
  std::vector<std::array<std::size_t, 2>> mirrored;

  // Segmentation: `values`, or what stands for them where there are none (of one class alone 0 and 1).
  std::vector<double> class_numbers() const;
};

// A case's label of one target; nothing in it: the case has none.
struct CaseLabel {
  std::vector<std::string> files;  // pixel-level: one; of structures one per channel, "": nobody outlined it
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
  // Of volumes: mm from voxel to voxel along depth, height, width; or the mm that each side shall show.  Neither: the
  // whole volume is shown, whatever its proportions.
  std::vector<double> spacing;
  double field_of_view = 0;
  std::vector<std::string> notes;  // what a user should know, a line each
};

// A case on the grid that the network sees.
struct Case {
  struct Label {
    std::vector<std::vector<std::uint16_t>> maps;  // segmentation: class numbers; structures: 0 and 1 per channel
    std::vector<std::vector<real>> values;         // regression, a channel each
    std::vector<std::uint16_t> mask;               // 0 where it does not count; empty: everywhere
    std::vector<bool> outlined;                    // structures: which of them are there
    bool present = false;
  };
  Extent grid;
  Vec3 spacing{1, 1, 1};                  // mm along depth, height, width
  std::vector<std::vector<real>> inputs;  // a channel each, normalised
  std::vector<Label> labels;
  std::int64_t bytes() const;
};

// Reads a case.  `size`: depth (0: pictures), height, width.  Throws InputError naming the file: unreadable, another
// grid than the first input's, a label that is none, values that are not finite.
Case read_case(const CasePlan& plan, const CaseRow& row, const Extent& size);
// The same where a problem with one file keeps nobody from the others: `raw` has all of them, and what the files hold.
// None where read_case would throw.
std::optional<Case> inspect_case(const CasePlan& plan, const CaseRow& row, const Extent& size, RawSample* raw);
// The files that it looks at, each in a place of its own, "" where the row has none there.
std::vector<std::string> sources_of(const CasePlan& plan, const CaseRow& row);
// A case as bytes, and back.  Throws Error where the bytes are none.
std::string packed(const Case& c);
Case unpacked_case(const std::string& bytes);
// What chance chooses for a case: draw_change's change of a volume (transforms/volume_transforms.h), of a picture
// mirrors, a turn about the axis that looks out of it, zoom, shift, deformation, gamma and noise.
VolumeChange draw_case_change(const AugmentOptions& options, const Case& c, bool picture, std::uint64_t seed,
                              std::int64_t epoch, std::int64_t index);
// The case as training sees it.  `plan` says which classes a mirror swaps.
Case augment(const CasePlan& plan, const Case& original, const VolumeChange& change);

class CaseDataset : public Dataset {
 public:
  // Throws InputError where sizes and options do not fit, or the plan has no cases.
  CaseDataset(CasePlan plan, const DatasetOptions& options);

  std::int64_t size() const override { return static_cast<std::int64_t>(plan_.rows.size()); }
  const std::vector<TargetInfo>& targets() const override { return targets_; }
  std::string id(std::int64_t index) const override { return row(index).id; }
  std::string group(std::int64_t index) const override;
  std::string part(std::int64_t index) const override { return row(index).part; }
  Shape input_shape() const override;
  std::int64_t class_of(std::int64_t index, std::size_t target) const override;
  std::int64_t sampling_class(std::int64_t index) const override;  // of the first target that is one of whole cases
  std::vector<std::string> notes() const override { return plan_.notes; }
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
  std::string recipe_;  // how a case is decoded: all that decides its numbers
  mutable Cache<Case> cache_;
  DiskCache disk_;
};

}  // namespace medusa::datasets

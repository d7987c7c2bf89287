// What a dataset gives to training: samples with an input image and, per target, a label.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "datasets/target_info.h"
#include "tensor/tensor.h"

namespace medusa::datasets {

// A label of one sample, or "none" (an empty tensor): a sample may lack the label of a task.
//   segmentation, 1 channel  [S, 1] of 0 and 1          segmentation, C > 1  [S, 1] of class numbers
//   structures               [S, C] of 0 and 1          regression           [S, C], see TargetInfo::scale
//   classification           [1], a class number        binary               [C] of 0 and 1
//   scalar                   [C], see TargetInfo::scale
struct Target {
  Tensor value;
  // 1 where `value` counts, 0 where it does not; empty: it counts everywhere.  [S, 1]; of structures [1, .., 1, C]:
  // which of them were outlined at all.
  Tensor mask;
};

struct Sample {
  std::string id;
  Tensor input;                      // [H, W, C] or [D, H, W, C]
  std::vector<Target> targets;       // in the order of Dataset::targets()
  std::vector<double> spacing = {};  // mm from pixel to pixel along [D,] H, W of the input; empty: not known
};

// Several samples stacked: input [N, S, C]; per target value and mask [N, ...] and which samples have a label.
// Values of samples without a label are zeros, with a zero mask where the target is pixel-level; where no sample of the
// batch has a label, the target's tensors are empty.
struct Batch {
  std::vector<std::string> ids;
  Tensor input;
  std::vector<Target> targets;
  std::vector<std::vector<bool>> labelled;        // [target][sample]
  std::vector<std::vector<double>> spacing = {};  // of each sample, see Sample::spacing
  std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }
};
// Throws Error naming two samples whose shapes differ.
Batch stack(const std::vector<Sample>& samples);

// A sample as it is on disk and as a network sees it: what a check of the whole dataset reports about it.
struct RawSample {
  struct Range {
    std::string name, unit;  // "ct", "HU"; unit "": the file does not say
    double low = 0, high = 0, mean = 0;
  };
  std::vector<std::int64_t> shape;    // [H, W] or [D, H, W]
  std::vector<double> spacing;        // mm along these; empty: the files do not say
  std::vector<Range> ranges;          // of the images, and of other amounts
  std::vector<std::string> problems;  // all that is wrong with it, a line each
  std::optional<Sample> sample;       // what get() makes of the same files; nullopt if get() throws
};

// The range and mean of an image's values; there must be at least one.
template <class T>
RawSample::Range range_of(const std::string& name, const std::string& unit, const T* values, std::size_t count) {
  RawSample::Range range{name, unit, static_cast<double>(values[0]), static_cast<double>(values[0])};
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto v = static_cast<double>(values[i]);
    range.low = std::min(range.low, v);
    range.high = std::max(range.high, v);
    sum += v;
  }
  range.mean = sum / static_cast<double>(count);
  return range;
}

// A list of samples.  get() is called from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  virtual const std::vector<TargetInfo>& targets() const = 0;
  virtual std::string id(std::int64_t index) const = 0;
  // The sample as evaluation sees it: decoded, resized, normalised.  Throws InputError naming the file.
  virtual Sample get(std::int64_t index) const = 0;
  // The sample as training sees it in an epoch: augmented, by (seed, epoch, index) alone.
  virtual Sample get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const = 0;
  // [H, W, C] or [D, H, W, C] of every sample's input.
  virtual Shape input_shape() const { return get(0).input.shape(); }
  // Samples of one group (pictures of one lesion, scans of one patient) must not be torn apart by a split.
  virtual std::string group(std::int64_t index) const { return id(index); }
  // The part that a sample belongs to, if the dataset is distributed in parts: "train", "validation" or "test".
  // make_split then keeps that split.  "": the dataset has no parts.
  virtual std::string part(std::int64_t) const { return ""; }
  // The sample's class for weighted sampling, which draws all classes equally often.
  virtual std::int64_t sampling_class(std::int64_t) const { return 0; }
  // The class number of a sample in a classification target, -1 where it has no label: for counting classes before
  // training.  Datasets that know their labels answer without decoding the image.
  virtual std::int64_t class_of(std::int64_t index, std::size_t target) const {
    const Sample sample = get(index);
    return sample.targets[target].value ? static_cast<std::int64_t>(sample.targets[target].value.item()) : -1;
  }
  // What is known of a label without decoding files: its numbers if it is image-level, {1} if it is pixel-level and
  // there, none if the sample has no label.  nullopt: that takes decoding.
  virtual std::optional<std::vector<real>> known_label(std::int64_t, std::size_t) const { return std::nullopt; }
  // What a user should know about the folder, a line each: files that no table names, rows without files.
  virtual std::vector<std::string> notes() const { return {}; }
  // How a sample's input is made and what its targets are, as a dataset.toml (cases/plan_toml.h).  A run saves it, so
  // that other samples can be made in the same way.  "": the dataset's name and size say it all.
  virtual std::string description() const { return ""; }
  // Reads the sample's files again, each once; one bad file does not stop the rest from being read.  Where get() throws
  // the first problem, this returns all.  The default returns what get() returns or throws.
  virtual RawSample raw(std::int64_t index) const;
};

}  // namespace medusa::datasets

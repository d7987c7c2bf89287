// The files of one case, checked against the first of them and brought to the grid that the network sees.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/case_dataset.h"
#include "datasets/cases/file.h"
#include "datasets/volumes/resample.h"

namespace medusa::datasets {

// images() must be called first.  The first file defines the grids.  All throw InputError naming the file.
class CaseReader {
 public:
  // `size`: depth (0: pictures), height, width.  `raw`, if given, gets what the files hold and their problems.
  CaseReader(const CasePlan& plan, const Extent& size, RawSample* raw = nullptr)
      : plan_(plan), size_(size), raw_(raw), files_(plan.folder) {}

  // Calls body(), which reads a file; with `raw`, an InputError becomes one of its problems.
  template <class Body>
  void attempt(const Body& body) {
    complete_ &= datasets::attempt(raw_ == nullptr ? nullptr : &raw_->problems, body);
  }
  bool complete() const { return complete_; }  // every attempt succeeded
  // Adds the range of an image's values, or of other amounts, to `raw`.
  void note_range(const std::string& image, const std::string& unit, const std::string& file, const Volume& v);
  // A file for each of the plan's inputs: their channels, fitted and normalised, a plane each.
  std::vector<std::vector<real>> images(const std::vector<std::string>& files);
  // A file whose grid must be the first one's.
  Volume load(const std::string& name);
  // A volume on the files' grid, brought to the network's; `outside` beyond it.
  Volume fit(const Volume& v, Content content, real outside) const;
  // 1 in the volume, 0 where the network's grid goes beyond it.
  Volume inside() const;

  const Volume& first() const { return reference_; }  // the first file's grid only; holds no values
  Extent grid() const { return {sides_[2], sides_[1], sides_[0]}; }
  std::int64_t voxels() const { return sides_[0] * sides_[1] * sides_[2]; }
  Vec3 spacing() const { return spacing_; }  // mm along depth, height, width of the network's grid

 private:
  bool pictures() const { return size_.depth == 0; }
  void decide_grid(const std::string& name, const Volume& image);
  void normalise(const CaseInput& input, const Volume& image, std::vector<std::vector<real>>& channels) const;

  const CasePlan& plan_;
  const Extent size_;
  RawSample* raw_;
  bool complete_ = true;
  CaseFiles files_;
  std::string first_;
  Volume reference_;  // the first file's grid
  VolumeGrid grid_;   // the network's spacing, before it is cut or padded to sides_
  Size3 sides_{1, 1, 1};
  Vec3 spacing_{1, 1, 1};
};

// [S, C] from a plane per channel.
template <class T>
Tensor interleaved(const std::vector<std::vector<T>>& planes, const Shape& space) {
  Shape shape = space;
  shape[-1] = static_cast<std::int64_t>(planes.size());
  Tensor out = Tensor::empty(shape);
  real* to = out.mutable_data();
  for (std::size_t i = 0; i < planes[0].size(); ++i)
    for (const auto& plane : planes) *to++ = static_cast<real>(plane[i]);
  return out;
}

// A label on the network's grid.  Throws InputError if the files do not hold a valid one.
Case::Label read_label(CaseReader& reader, const CaseTarget& target, const CaseLabel& from);
// Throws InputError naming the file if a value is NaN or infinite.
void check_finite(const Volume& v, const std::string& name);

}  // namespace medusa::datasets

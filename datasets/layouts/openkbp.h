// OpenKBP: planning CT, outlines and dose of head-and-neck patients (Babier et al., "OpenKBP: The open-access
// knowledge-based planning grand challenge and dataset", Medical Physics 48:5549, 2021).
#pragma once

#include <array>
#include <map>

#include "datasets/cache.h"
#include "datasets/dataset.h"
#include "datasets/disk_cache.h"
#include "datasets/formats/sparse_csv.h"
#include "datasets/options.h"
#include "datasets/transforms/volume_transforms.h"

namespace medusa::datasets {

namespace openkbp {

inline constexpr std::int64_t kSide = 128;  // every patient's grid is kSide^3
inline constexpr std::int64_t kVoxels = kSide * kSide * kSide;
inline constexpr std::size_t kStructures = 10, kTargets = 3;    // the last kTargets of the structures are targets
inline constexpr unsigned kRightParotid = 2, kLeftParotid = 3;  // places in structures(); a mirror swaps them
inline constexpr int kLeftRight = 1;                            // axis of the grid
inline constexpr double kDoseScale = 70;                        // Gy: the highest prescription
// Of the input: HU / 1000, clipped to these.
inline constexpr real kAir = real(-1.024), kDense = real(1.5);

// Brainstem, SpinalCord, RightParotid, LeftParotid, Esophagus, Larynx, Mandible; PTV56, PTV63, PTV70.
const std::vector<std::string>& structures();

// A patient as distributed.  Voxel (a0, a1, a2) is number (a0 128 + a1) 128 + a2; a0 grows from anterior to posterior,
// a1 from one side to the other, a2 from superior to inferior.
struct Patient {
  std::string id;
  Vec3 spacing{};                         // mm along a0, a1, a2
  std::vector<real> hu;                   // stored number - 1024, clipped to -1024..1500; absent voxels are air
  std::array<real, 2> hu_range{};         // smallest and largest before clipping
  std::vector<real> dose;                 // Gy; empty: no dose.csv
  std::vector<std::uint16_t> structures;  // bit s: the voxel lies in structure s
  std::vector<std::uint8_t> possible;     // 1 where there can be dose
  std::uint16_t outlined = 0;             // bit s: structure s was outlined
  double voxel_mm3() const { return spacing[0] * spacing[1] * spacing[2]; }
};

// Reads pt_N/: ct, possible_dose_mask and voxel_dimensions must be there, dose.csv and structures may be absent. Throws
// InputError with file or file:line; with `problems` goes on to the other files and adds a line there.
Patient read_patient(const std::string& folder, std::vector<std::string>* problems = nullptr);

// Voxel sizes alone, mm along a0, a1, a2.
Vec3 read_spacing(const std::string& folder);

// A patient on the grid that the network sees, each side a `factor`-th of 128.
struct Case {
  Extent grid;
  Vec3 spacing{};                         // mm
  std::vector<real> ct;                   // kAir to kDense: mean of the factor^3 voxels
  std::vector<real> dose;                 // Gy / kDoseScale: mean of those voxels that are in the mask
  std::vector<std::uint16_t> structures;  // bit s: in at least half of the voxels, or in any if nothing would be left
  std::vector<std::uint16_t> possible;    // 1 where any of the voxels is in the mask
  std::uint16_t outlined = 0;
  std::int64_t bytes() const;
};
Case reduce(const Patient& patient, std::int64_t factor);
// A case as bytes, and back.  Throws Error if the bytes do not hold a case.
std::string packed(const Case& c);
Case unpacked(const std::string& bytes);
// The case as training sees it: in a mirrored patient the parotids swap.
Case augment(const Case& original, const VolumeChange& change);

}  // namespace openkbp

// The folder as distributed (provided-data/, or what is in it, or a folder of pt_N folders):
//   train-pats/ validation-pats/ test-pats/    each may be absent; they are the parts of the split
//     pt_N/ct.csv dose.csv possible_dose_mask.csv voxel_dimensions.csv <structure>.csv
// Input: [d, d, d, 1] CT; with options.inputs = {structures} further channels of 0 and 1, one for each structure.
// Targets: structures (10, unless they are input) and dose (Gy / 70 inside the mask).
class OpenKbp : public Dataset {
 public:
  // Lists patients and checks that the files that every patient must have are there.  options.size.depth, height and
  // width must be equal and divide 128.  Throws InputError.
  explicit OpenKbp(const DatasetOptions& options);

  std::int64_t size() const override { return static_cast<std::int64_t>(rows_.size()); }
  const std::vector<TargetInfo>& targets() const override { return targets_; }
  std::string id(std::int64_t index) const override { return row(index).id; }
  std::string part(std::int64_t index) const override { return row(index).part; }
  Shape input_shape() const override;
  // Its spacing is the median of the training patients'; theirs differ and are left so.  Axes are a0, a1, a2.
  std::string description() const override;
  RawSample raw(std::int64_t index) const override;
  Sample get(std::int64_t index) const override;
  Sample get_augmented(std::int64_t index, std::uint64_t seed, std::int64_t epoch) const override;

  // The patient at original resolution, read again.
  openkbp::Patient patient(std::int64_t index) const { return openkbp::read_patient(row(index).folder); }
  const std::string& folder(std::int64_t index) const { return row(index).folder; }
  std::int64_t factor() const { return openkbp::kSide / options_.size.depth; }
  const Cache<openkbp::Case>& cache() const { return cache_; }
  // The network's input [d, d, d, C] for any patient, in this folder or not.
  Tensor input_of(const openkbp::Patient& patient) const;

 private:
  struct Row {
    std::string id, folder, part;
    std::int64_t number;
  };
  const Row& row(std::int64_t index) const;
  void list(const std::string& folder, const std::string& part);
  std::shared_ptr<const openkbp::Case> reduced(std::int64_t index) const;
  Tensor input(const openkbp::Case& c) const;
  Sample sample(const Row& row, const openkbp::Case& c) const;

  DatasetOptions options_;
  bool structures_in_ = false;
  std::vector<TargetInfo> targets_;
  std::vector<Row> rows_;
  std::map<std::string, std::size_t> places_;  // of patients among rows_
  mutable Cache<openkbp::Case> cache_;
  DiskCache disk_;
};

}  // namespace medusa::datasets

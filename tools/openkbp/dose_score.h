// How the OpenKBP challenge judges a dose: dose score and DVH score, in Gy, lower is better  (Babier et al., Medical
// Physics 48:5549, 2021).  A dose-volume histogram (DVH) gives, for every dose, the part of a structure that gets at
// least that much.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/real.h"

namespace medusa::tools {

// The p-th percentile (0 to 100) with linear interpolation between the sorted values, as numpy's: place p / 100 (n -
// 1). Throws Error without values or for another p.
double percentile(std::vector<double> values, double p);

// sum over ALL voxels of |reference - predicted| / number of voxels where dose is possible: dose predicted outside the
// mask counts against the prediction.  Throws Error if sizes differ or the mask is empty.
double dose_error(std::span<const real> reference, std::span<const real> predicted,
                  std::span<const std::uint8_t> possible);

// One figure of a structure's DVH.
struct DvhMetric {
  std::string structure, name;  // "Brainstem", "D_0.1_cc"
  double value = 0;             // Gy
};
// For each structure that was outlined; bit s of `structures` and `outlined` is names[s], the last `targets` of them
// are targets.
//   organ at risk  D_0.1_cc: the dose that 0.1 cc get at least, the percentile 100 - 100 n / |structure| with
//                  n = max(1, round(100 mm3 / voxel_mm3)) voxels (half to even), not below 0;  mean
//   target         D_99, D_95, D_1: the 1st, 5th and 99th percentile
std::vector<DvhMetric> dvh_metrics(std::span<const real> dose, std::span<const std::uint16_t> structures,
                                   std::uint16_t outlined, const std::vector<std::string>& names, std::size_t targets,
                                   double voxel_mm3);

// Adds up patients.
class DoseScore {
 public:
  // `reference` and `predicted`: dvh_metrics() of the two doses of one patient.
  void add(double dose_error, const std::vector<DvhMetric>& reference, const std::vector<DvhMetric>& predicted);
  double dose() const;  // mean over patients; NaN without any
  // Mean of |reference - predicted| over all figures of all patients at once, those that exist: a patient with more
  // structures has more weight.
  double dvh() const;
  std::int64_t patients() const { return patients_; }

 private:
  std::int64_t patients_ = 0, figures_ = 0;
  double dose_ = 0, dvh_ = 0;
};

// For drawing: the percentage of the structure's voxels that get at least each of `doses`.
std::vector<double> dvh_curve(std::span<const real> dose, std::span<const std::uint16_t> structures, unsigned bit,
                              const std::vector<double>& doses);

}  // namespace medusa::tools

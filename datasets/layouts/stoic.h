// STOIC: chest CT of 2,000 patients suspected of COVID-19, with the infection and its outcome (Revel et al., "Study of
// Thoracic CT in COVID-19: The STOIC Project", Radiology 301:E361, 2021; the public part is STOIC2021's, CC BY-NC 4.0).
#pragma once

#include "datasets/cases/case_dataset.h"

namespace medusa::datasets {

namespace stoic {
inline constexpr double kLow = -1100, kHigh = 300;  // HU window
inline constexpr double kFieldOfView = 384;         // mm: 240 voxels of 1.6 mm
}  // namespace stoic

// The folder as distributed:
//   metadata/reference.csv        PatientID, probCOVID, probSevere (0 or 1): a row for each patient
//   data/mha/<PatientID>.mha      CT in HU; also .mhd, .nii, .nii.gz
// Rows whose volume is not there are left out and counted in the notes; so are volumes that no row names.
// Input: [d, h, w, 1], a cube of 384 mm about the middle of the scan (or voxels of options.spacing mm), -1100..300 HU
// as 0..1.  Targets: covid and severe (intubated, or dead within a month), both binary; only patients with COVID-19
// have a label for severe, so the others do not count in its loss and metrics.
// Throws InputError: a number that is neither 0 nor 1, a patient twice, one who is severe without COVID-19, no volume.
CasePlan stoic_plan(const DatasetOptions& options);

// The rows of a reference.csv, whether their volumes are there or not.
struct StoicRow {
  std::string patient, where;
  bool covid = false, severe = false;
};
std::vector<StoicRow> read_stoic_reference(const std::string& path, std::vector<std::string>* problems = nullptr);

}  // namespace medusa::datasets

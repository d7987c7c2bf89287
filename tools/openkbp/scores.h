// Networks on OpenKBP's patients at their original resolution: prediction, the challenge's scores, pictures.
#pragma once

#include <string>
#include <vector>

#include "datasets/images/image.h"
#include "datasets/layouts/openkbp.h"
#include "mtl/predictor.h"

namespace medusa::tools {

// A network's answers about a patient, on the patient's own 128^3 voxels.
struct KbpPrediction {
  std::vector<real> dose;                 // Gy, at least 0, and 0 where no dose is possible; empty: no such task
  std::vector<std::uint16_t> structures;  // bit s: in structure s; empty: no such task
};
// The answers on the network's grid, interpolated (trilinear) to 128^3 and only then thresholded.
KbpPrediction predict_patient(mtl::Predictor& predictor, const datasets::OpenKbp& dataset,
                              const datasets::openkbp::Patient& patient);

// The figures of one patient; NaN where the network has no such task or the patient no such label.
struct KbpScore {
  std::string id;
  double dose = 0, dvh = 0;  // Gy; dvh: mean over this patient's figures alone
  double dice = 0;           // mean over outlined structures
};
// A figure of a structure's DVH in one patient, Gy: of the planned dose and of the predicted one.
struct KbpDvh {
  std::string patient, structure, name;
  double planned = 0, predicted = 0;
};
struct KbpReport {
  double dose_score = 0, dvh_score = 0, dice = 0;  // over all patients; NaN where there is none
  // The same for a dose that is the same everywhere inside the mask: the mean dose of the patients given; NaN
  // where none is given, or none with a dose.
  double constant_gy = 0, constant_dose_score = 0, constant_dvh_score = 0;
  std::vector<double> structure_dice;  // per structure, NaN: outlined in no patient
  std::vector<KbpScore> patients;
  std::vector<KbpDvh> dvh;  // of all patients that have a dose
};

// Predicts and scores the patients `indices`; `constant_from`: those whose mean dose the constant predictor uses
// (the training set).  With `pictures` not empty draws <id>_dvh.svg and <id>_dose.png there.
KbpReport score_patients(mtl::Predictor& predictor, const datasets::OpenKbp& dataset,
                         const std::vector<std::int64_t>& indices, const std::vector<std::int64_t>& constant_from,
                         const std::string& pictures);

std::string kbp_table(const KbpReport& report);
std::string kbp_json(const KbpReport& report);  // one JSON object
// The table of DVH figures: patient, structure, figure, planned and predicted in Gy, a row each.
std::string kbp_dvh_csv(const KbpReport& report);

// <folder>/dose.csv and <folder>/<structure>.csv as the dataset is distributed.
void write_prediction(const KbpPrediction& prediction, const datasets::openkbp::Patient& patient,
                      const std::string& folder);

// For people: mean dose, structures found.
std::string prediction_text(const KbpPrediction& prediction);

// DVH curves of every outlined structure: solid the planned dose, dashed the predicted one.
std::string dvh_svg(const datasets::openkbp::Patient& patient, const std::vector<real>& predicted);
// Three planes through the middle of the highest prescription: planned dose, predicted dose, difference.
datasets::Image dose_picture(const datasets::openkbp::Patient& patient, const std::vector<real>& predicted);

}  // namespace medusa::tools

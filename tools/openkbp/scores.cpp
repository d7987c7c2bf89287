// Prediction and scores at original resolution.
#include "tools/openkbp/scores.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/formats/csv.h"
#include "mtl/training/mean.h"
#include "tensor/file.h"
#include "tools/openkbp/dose_score.h"
#include "tools/report/picture.h"

namespace medusa::tools {

using namespace datasets::openkbp;
using datasets::OpenKbp;
using mtl::Mean;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The dose `gy` of each voxel, where there can be any.
template <class F>
std::vector<real> possible_dose(const Patient& patient, const F& gy) {
  std::vector<real> dose(patient.possible.size());
  for (std::size_t i = 0; i < dose.size(); ++i) dose[i] = patient.possible[i] ? gy(i) : real(0);
  return dose;
}

double dice_of(const std::vector<std::uint16_t>& truth, const std::vector<std::uint16_t>& predicted, unsigned s) {
  double both = 0, all = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const unsigned t = truth[i] >> s & 1u, p = predicted[i] >> s & 1u;
    both += t & p;
    all += t + p;
  }
  return 2 * both / all;
}

std::vector<DvhMetric> metrics_of(const Patient& p, const std::vector<real>& dose) {
  return dvh_metrics(dose, p.structures, p.outlined, structures(), kTargets, p.voxel_mm3());
}

// The mean dose of all voxels in which there can be dose.
double mean_dose(const OpenKbp& dataset, const std::vector<std::int64_t>& indices) {
  Mean mean;
  for (std::int64_t index : indices) {
    const Patient p = dataset.patient(index);
    for (std::size_t i = 0; i < p.dose.size(); ++i)
      if (p.possible[i]) mean.add(static_cast<double>(p.dose[i]));
  }
  return mean.value();
}

nlohmann::ordered_json number(double v) {
  return std::isfinite(v) ? nlohmann::ordered_json(v) : nlohmann::ordered_json(nullptr);
}

std::string shown(double v) { return std::isnan(v) ? "-" : fmt::format("{:.4f}", v); }

}  // namespace

KbpPrediction predict_patient(mtl::Predictor& predictor, const OpenKbp& dataset, const Patient& patient) {
  datasets::CaseScan scan;
  scan.name = patient.id;
  scan.fit = datasets::Fit::Stretched;
  scan.input = dataset.input_of(patient);
  scan.own = datasets::make_volume(Tensor::empty({kSide, kSide, kSide, 1}), datasets::Affine{});
  KbpPrediction prediction;
  for (const mtl::Answer& answer : predictor.predict(scan)) {
    if (answer.task.traits().channel_mask) {
      prediction.structures.assign(static_cast<std::size_t>(kVoxels), 0);
      for (unsigned s = 0; s < kStructures; ++s) {
        const datasets::Volume inside = answer.inside(s);
        for (std::size_t i = 0; i < prediction.structures.size(); ++i)
          if (inside.values.data()[i] > 0)
            prediction.structures[i] = static_cast<std::uint16_t>(prediction.structures[i] | 1u << s);
      }
    }
    if (answer.task.traits().in_units) {
      const datasets::Volume gy = answer.amounts();
      prediction.dose = possible_dose(patient, [&](std::size_t i) { return gy.values.data()[i]; });
    }
  }
  return prediction;
}

KbpReport score_patients(mtl::Predictor& predictor, const OpenKbp& dataset, const std::vector<std::int64_t>& indices,
                         const std::vector<std::int64_t>& constant_from, const std::string& pictures) {
  KbpReport report;
  DoseScore score, constant;
  std::vector<Mean> structure(kStructures);
  Mean dice;
  report.constant_gy = mean_dose(dataset, constant_from);
  for (std::int64_t index : indices) {
    const Patient p = dataset.patient(index);
    const KbpPrediction predicted = predict_patient(predictor, dataset, p);
    KbpScore mine{p.id, kNone, kNone, kNone};
    if (!predicted.dose.empty() && !p.dose.empty()) {
      const auto truth = metrics_of(p, p.dose), answer = metrics_of(p, predicted.dose);
      mine.dose = dose_error(p.dose, predicted.dose, p.possible);
      score.add(mine.dose, truth, answer);
      Mean dvh;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        dvh.add(std::abs(truth[i].value - answer[i].value));
        report.dvh.push_back({p.id, truth[i].structure, truth[i].name, truth[i].value, answer[i].value});
      }
      mine.dvh = dvh.value();
      if (!std::isnan(report.constant_gy)) {
        const real gy = static_cast<real>(std::max(0.0, report.constant_gy));
        const std::vector<real> flat = possible_dose(p, [gy](std::size_t) { return gy; });
        constant.add(dose_error(p.dose, flat, p.possible), truth, metrics_of(p, flat));
      }
    }
    if (!predicted.structures.empty() && p.outlined != 0) {
      Mean of_patient;
      for (unsigned s = 0; s < kStructures; ++s) {
        if ((p.outlined >> s & 1u) == 0) continue;
        const double d = dice_of(p.structures, predicted.structures, s);
        structure[s].add(d);
        of_patient.add(d);
      }
      mine.dice = of_patient.value();
      dice.add(mine.dice);
    }
    if (!pictures.empty() && !predicted.dose.empty() && !p.dose.empty()) {
      make_folder("--pictures", pictures);
      write_file(fmt::format("{}/{}_dvh.svg", pictures, p.id), dvh_svg(p, predicted.dose));
      datasets::write_png(fmt::format("{}/{}_dose.png", pictures, p.id), dose_picture(p, predicted.dose));
    }
    report.patients.push_back(mine);
  }
  report.dose_score = score.dose();
  report.dvh_score = score.dvh();
  report.constant_dose_score = constant.dose();
  report.constant_dvh_score = constant.dvh();
  report.dice = dice.value();
  for (const Mean& m : structure) report.structure_dice.push_back(m.value());
  return report;
}

namespace {

// Means over the patients that have the structure.
struct DvhMean {
  std::string structure, name;
  Mean planned, predicted, error;
};
std::vector<DvhMean> dvh_means(const KbpReport& r) {
  std::vector<DvhMean> means;
  for (const std::string& structure : structures())
    for (const KbpDvh& d : r.dvh) {
      if (d.structure != structure) continue;
      auto at = std::find_if(means.begin(), means.end(),
                             [&](const DvhMean& m) { return m.structure == d.structure && m.name == d.name; });
      if (at == means.end()) at = means.insert(means.end(), {d.structure, d.name, {}, {}, {}});
      at->planned.add(d.planned);
      at->predicted.add(d.predicted);
      at->error.add(std::abs(d.planned - d.predicted));
    }
  return means;
}

}  // namespace

std::string kbp_dvh_csv(const KbpReport& r) {
  std::string text = "patient,structure,figure,planned_gy,predicted_gy\n";
  for (const KbpDvh& d : r.dvh)
    text +=
        fmt::format("{},{},{},{},{}\n", datasets::csv_field(d.patient), d.structure, d.name, d.planned, d.predicted);
  return text;
}

std::string kbp_table(const KbpReport& r) {
  std::string constant_dose, constant_dvh;
  if (!std::isnan(r.constant_gy)) {
    constant_dose = fmt::format("   (constant {:.2f} Gy in the mask: {})", r.constant_gy, shown(r.constant_dose_score));
    constant_dvh = fmt::format("   (constant: {})", shown(r.constant_dvh_score));
  }
  std::string text = fmt::format(
      "OpenKBP, {} patients at original resolution:\n  dose score  {} Gy{}\n  DVH score   {} Gy{}\n  mean Dice   {}\n",
      r.patients.size(), shown(r.dose_score), constant_dose, shown(r.dvh_score), constant_dvh, shown(r.dice));
  for (std::size_t s = 0; s < r.structure_dice.size() && !std::isnan(r.dice); ++s)
    text += fmt::format("    {:<14} {}\n", structures()[s], shown(r.structure_dice[s]));
  if (!r.dvh.empty()) text += "  DVH, mean over patients   planned, Gy  predicted, Gy  |error|, Gy\n";
  for (const DvhMean& m : dvh_means(r))
    text += fmt::format("    {:<14} {:<8} {:>11} {:>14} {:>12}\n", m.structure, m.name, shown(m.planned.value()),
                        shown(m.predicted.value()), shown(m.error.value()));
  text += "  patient        dose, Gy    DVH, Gy    Dice\n";
  for (const KbpScore& p : r.patients)
    text += fmt::format("  {:<12} {:>10} {:>10} {:>9}\n", p.id, shown(p.dose), shown(p.dvh), shown(p.dice));
  return text;
}

std::string kbp_json(const KbpReport& r) {
  nlohmann::ordered_json json{{"dose_score", number(r.dose_score)},
                              {"dvh_score", number(r.dvh_score)},
                              {"dice", number(r.dice)},
                              {"constant_gy", number(r.constant_gy)},
                              {"constant_dose_score", number(r.constant_dose_score)},
                              {"constant_dvh_score", number(r.constant_dvh_score)}};
  for (std::size_t s = 0; s < r.structure_dice.size(); ++s)
    json["structure_dice"][structures()[s]] = number(r.structure_dice[s]);
  for (const DvhMean& m : dvh_means(r))
    json["dvh"][m.structure][m.name] = {{"planned", number(m.planned.value())},
                                        {"predicted", number(m.predicted.value())},
                                        {"error", number(m.error.value())}};
  for (const KbpScore& p : r.patients)
    json["patients"][p.id] = {{"dose", number(p.dose)}, {"dvh", number(p.dvh)}, {"dice", number(p.dice)}};
  return json.dump();
}

std::string prediction_text(const KbpPrediction& prediction) {
  std::string text;
  if (!prediction.dose.empty())
    text = fmt::format("dose up to {:.1f} Gy;", *std::max_element(prediction.dose.begin(), prediction.dose.end()));
  for (unsigned s = 0; s < kStructures && !prediction.structures.empty(); ++s) {
    const auto voxels = std::count_if(prediction.structures.begin(), prediction.structures.end(),
                                      [s](std::uint16_t bits) { return (bits >> s & 1u) != 0; });
    if (voxels > 0) text += fmt::format(" {} {} voxels;", structures()[s], voxels);
  }
  return text;
}

void write_prediction(const KbpPrediction& prediction, const Patient& patient, const std::string& folder) {
  make_folder("--out", folder);
  if (!prediction.dose.empty())
    write_file(folder + "/dose.csv", datasets::sparse_csv(prediction.dose, patient.possible));
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(kVoxels));
  for (unsigned s = 0; s < kStructures && !prediction.structures.empty(); ++s) {
    for (std::size_t i = 0; i < mask.size(); ++i)
      mask[i] = static_cast<std::uint8_t>(prediction.structures[i] >> s & 1u);
    write_file(folder + "/" + structures()[s] + ".csv", datasets::sparse_csv_mask(mask));
  }
}

}  // namespace medusa::tools

#include "tools/openkbp/dose_score.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/check.h"
#include "tensor/quantile.h"

namespace medusa::tools {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> doses_in(std::span<const real> dose, std::span<const std::uint16_t> structures, unsigned bit) {
  MEDUSA_CHECK(dose.size() == structures.size(), "dvh: {} doses, {} voxels of structures", dose.size(),
               structures.size());
  std::vector<double> inside;
  for (std::size_t i = 0; i < dose.size(); ++i)
    if (structures[i] >> bit & 1u) inside.push_back(static_cast<double>(dose[i]));
  return inside;
}

// 100 - 100 n / size, n voxels being 0.1 cc.
double small_volume_percentile(std::size_t size, double voxel_mm3) {
  const double n = std::max(1.0, std::nearbyint(100 / voxel_mm3));  // half to even, as numpy rounds
  return std::max(0.0, 100 - 100 * n / static_cast<double>(size));
}

}  // namespace

double percentile(std::vector<double> values, double p) {
  MEDUSA_CHECK(!values.empty() && p >= 0 && p <= 100, "percentile: {} of {} values", p, values.size());
  std::sort(values.begin(), values.end());
  return quantile(values, p / 100);
}

double dose_error(std::span<const real> reference, std::span<const real> predicted,
                  std::span<const std::uint8_t> possible) {
  MEDUSA_CHECK(reference.size() == predicted.size() && possible.size() == reference.size(),
               "dose error: {} reference, {} predicted doses, {} voxels of the mask", reference.size(),
               predicted.size(), possible.size());
  double sum = 0;
  std::int64_t voxels = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    sum += std::abs(static_cast<double>(reference[i]) - static_cast<double>(predicted[i]));
    voxels += possible[i] != 0;
  }
  MEDUSA_CHECK(voxels > 0, "dose error: the mask of possible dose is empty");
  return sum / static_cast<double>(voxels);
}

std::vector<DvhMetric> dvh_metrics(std::span<const real> dose, std::span<const std::uint16_t> structures,
                                   std::uint16_t outlined, const std::vector<std::string>& names, std::size_t targets,
                                   double voxel_mm3) {
  MEDUSA_CHECK(voxel_mm3 > 0, "dvh: voxels of {} mm3", voxel_mm3);
  std::vector<DvhMetric> metrics;
  for (unsigned s = 0; s < names.size(); ++s) {
    if ((outlined >> s & 1u) == 0) continue;
    const std::vector<double> inside = doses_in(dose, structures, s);
    if (inside.empty()) continue;
    const auto add = [&](const char* name, double value) { metrics.push_back({names[s], name, value}); };
    if (s + targets < names.size()) {
      add("D_0.1_cc", percentile(inside, small_volume_percentile(inside.size(), voxel_mm3)));
      add("mean", std::accumulate(inside.begin(), inside.end(), 0.0) / static_cast<double>(inside.size()));
    } else {
      add("D_99", percentile(inside, 1));
      add("D_95", percentile(inside, 5));
      add("D_1", percentile(inside, 99));
    }
  }
  return metrics;
}

void DoseScore::add(double dose_error, const std::vector<DvhMetric>& reference,
                    const std::vector<DvhMetric>& predicted) {
  MEDUSA_CHECK(reference.size() == predicted.size(), "dose score: {} reference, {} predicted figures", reference.size(),
               predicted.size());
  ++patients_;
  dose_ += dose_error;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    MEDUSA_CHECK(reference[i].structure == predicted[i].structure && reference[i].name == predicted[i].name,
                 "dose score: {} {} against {} {}", reference[i].structure, reference[i].name, predicted[i].structure,
                 predicted[i].name);
    dvh_ += std::abs(reference[i].value - predicted[i].value);
    ++figures_;
  }
}

double DoseScore::dose() const { return patients_ > 0 ? dose_ / static_cast<double>(patients_) : kNone; }
double DoseScore::dvh() const { return figures_ > 0 ? dvh_ / static_cast<double>(figures_) : kNone; }

std::vector<double> dvh_curve(std::span<const real> dose, std::span<const std::uint16_t> structures, unsigned bit,
                              const std::vector<double>& doses) {
  std::vector<double> inside = doses_in(dose, structures, bit), curve;
  MEDUSA_CHECK(!inside.empty(), "dvh: the structure has no voxels");
  std::sort(inside.begin(), inside.end());
  for (double d : doses) {
    const auto below = std::lower_bound(inside.begin(), inside.end(), d) - inside.begin();
    curve.push_back(100 * (1 - static_cast<double>(below) / static_cast<double>(inside.size())));
  }
  return curve;
}

}  // namespace medusa::tools

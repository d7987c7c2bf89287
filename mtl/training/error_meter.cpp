// The mean absolute error.
#include <cmath>

#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"

namespace medusa::mtl {

namespace {

class ErrorMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;
  std::vector<std::string> names() const override { return {"mae", "mae_case"}; }
  bool can_use(const CaseTable& cases) const override { return cases.has("mae") && cases.has("values"); }

  // mae: of the case; values: how many numbers it is the mean of.
  MetricValues measure(const MeterSample& sample) const override {
    const std::int64_t channels = task_.channels;
    Mean error;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      if (sample.mask != nullptr && sample.mask[i] == 0) continue;
      for (std::int64_t c = i * channels; c < (i + 1) * channels; ++c)
        error.add(std::abs(static_cast<double>(sample.y[c]) - static_cast<double>(sample.target[c])));
    }
    return {{"mae", error.value() * task_.scale}, {"values", static_cast<double>(error.count)}};
  }

  double value(const std::string& metric, const CaseTable& cases, const Rows& rows) const override {
    const std::vector<double>&errors = cases.column("mae"), &counts = cases.column("values");
    if (metric == "mae_case") return mean_of(errors, rows);
    double sum = 0, count = 0;
    for (std::size_t row : rows)
      if (counts[row] > 0) sum += errors[row] * counts[row], count += counts[row];
    return count > 0 ? sum / count : Mean().value();
  }
};

}  // namespace

std::unique_ptr<Meter> error_meter(const Task& task) { return std::make_unique<ErrorMeter>(task); }

}  // namespace medusa::mtl

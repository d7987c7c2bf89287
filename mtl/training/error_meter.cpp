// The mean absolute error.
#include <cmath>

#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"

namespace medusa::mtl {

namespace {

class ErrorMeter : public Meter {
 public:
  using Meter::Meter;
  MetricValues values() const override { return {{"mae", error_.value() * task_.scale}}; }

  void add(const MeterSample& sample) override {
    const std::int64_t channels = task_.channels;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      if (sample.mask != nullptr && sample.mask[i] == 0) continue;
      for (std::int64_t c = i * channels; c < (i + 1) * channels; ++c)
        error_.add(std::abs(static_cast<double>(sample.y[c]) - static_cast<double>(sample.target[c])));
    }
  }

 private:
  Mean error_;
};

}  // namespace

std::unique_ptr<Meter> error_meter(const Task& task) { return std::make_unique<ErrorMeter>(task); }

}  // namespace medusa::mtl

// A metric of a program's own: how far the middle of the outlined lesion is from where it should be, in mm.
#include <cmath>

#include "mtl/medusa.h"
#include "tools/cli/programs.h"

namespace my {

using namespace medusa;

class CentreDistance : public mtl::Meter {
 public:
  using Meter::Meter;

  // A sample with its shape and spacing; those without an outline on either side do not count.
  void add(const mtl::MeterSample& sample) override {
    const std::vector<double> answer = centre(sample, [&](std::int64_t i) { return sample.y[i] > 0; });
    const std::vector<double> truth = centre(sample, [&](std::int64_t i) { return sample.target[i] > real(0.5); });
    if (answer.empty() || truth.empty()) return;
    double squares = 0;
    for (std::size_t axis = 0; axis < truth.size(); ++axis) squares += std::pow(answer[axis] - truth[axis], 2);
    sum_ += std::sqrt(squares);
    ++count_;
  }

  mtl::MetricValues values() const override { return {{"centre_distance", sum_ / static_cast<double>(count_)}}; }

 private:
  // The mean position of the pixels that are inside, along each axis; empty if there are none.
  template <class Inside>
  static std::vector<double> centre(const mtl::MeterSample& sample, const Inside& inside) {
    std::vector<double> sums(sample.shape.size());
    std::int64_t pixels = 0;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      if (!inside(i)) continue;
      ++pixels;
      std::int64_t rest = i;
      for (std::size_t axis = sums.size(); axis-- > 0; rest /= sample.shape[axis])
        sums[axis] += static_cast<double>(rest % sample.shape[axis]) * sample.spacing[axis];
    }
    if (pixels == 0) return {};
    for (double& sum : sums) sum /= static_cast<double>(pixels);
    return sums;
  }

  double sum_ = 0;
  std::int64_t count_ = 0;
};

// For outlines of one structure.
bool fits(const KindTraits& kind) { return kind.pixel_level && !kind.in_units && !kind.channel_mask; }

std::unique_ptr<mtl::Meter> make(const mtl::Task& task) { return std::make_unique<CentreDistance>(task); }

}  // namespace my

// centre_distance train ...; centre_distance evaluate --run ...: the metric stands beside the library's own.
int main(int argc, char** argv) {
  medusa::mtl::add_metric({"centre_distance", my::fits, false, false, false, my::make});
  return medusa::tools::program_main(argc, argv);
}

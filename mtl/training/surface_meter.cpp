// How far outlines lie from the true ones, and how well their volumes agree.
#include <algorithm>
#include <cmath>

#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"
#include "mtl/training/surface_distance.h"

namespace medusa::mtl {

namespace {

const std::vector<std::string> kNames{"hd95", "assd", "nsd", "volume_error"};

class SurfaceMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override {
    std::vector<std::string> names = kNames;
    for (std::int64_t c = first(); c < task_.channels; ++c)
      for (const std::string& name : kNames) names.push_back(column(name, c));
    return names;
  }

  MetricValues measure(const MeterSample& sample) const override {
    MetricValues values;
    std::vector<Mean> means(kNames.size());
    for (std::int64_t c = first(); c < task_.channels; ++c) {
      const std::vector<double> found = measure(sample, c);
      for (std::size_t k = 0; k < kNames.size(); ++k) {
        means[k].add(found[k]);
        values[column(kNames[k], c)] = found[k];
      }
    }
    for (std::size_t k = 0; k < kNames.size(); ++k) values[kNames[k]] = means[k].value();  // of one: the value itself
    return values;
  }

 private:
  bool exclusive() const { return task_.traits().exclusive; }
  // Class 0 of several that exclude each other is the background.
  std::int64_t first() const { return exclusive() && task_.channels > 1 ? 1 : 0; }
  std::string column(const std::string& name, std::int64_t c) const {
    return exclusive() && task_.channels == 1 ? name : name + "." + class_label(task_, c);
  }

  // Of one structure, in the order of kNames.
  std::vector<double> measure(const MeterSample& sample, std::int64_t c) const {
    const double none = Mean().value();
    if (!exclusive() && sample.mask != nullptr && sample.mask[c] == 0) return {none, none, none, none};
    BinaryImage found{{}, sample.shape, sample.spacing}, truth = found;
    double in_found = 0, in_truth = 0;
    bool counted = false;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      const bool counts = !exclusive() || sample.mask == nullptr || sample.mask[i] != 0;
      counted = counted || counts;
      const bool f = counts && predicted(sample.y + i * task_.channels, c), t = counts && is_true(sample, i, c);
      found.voxels.push_back(f);
      truth.voxels.push_back(t);
      in_found += f;
      in_truth += t;
    }
    if (!counted) return {none, none, none, none};
    const SurfaceDistances d = surface_distances(found, truth, task_.judging.tolerance);
    const double error = in_truth > 0 ? std::abs(in_found - in_truth) / in_truth : none;
    return {d.hd95, d.assd, d.nsd, error};
  }

  bool predicted(const real* y, std::int64_t c) const {
    if (!exclusive() || task_.channels == 1) return y[c] > 0;
    return std::max_element(y, y + task_.channels) - y == c;
  }
  bool is_true(const MeterSample& sample, std::int64_t i, std::int64_t c) const {
    if (!exclusive()) return sample.target[i * task_.channels + c] > real(0.5);
    if (task_.channels == 1) return sample.target[i] > real(0.5);
    return static_cast<std::int64_t>(sample.target[i]) == c;
  }
};

}  // namespace

std::unique_ptr<Meter> surface_meter(const Task& task) { return std::make_unique<SurfaceMeter>(task); }

}  // namespace medusa::mtl

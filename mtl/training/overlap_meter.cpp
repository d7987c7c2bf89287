// Dice and intersection over union.
#include <algorithm>

#include "mtl/training/mean.h"
#include "mtl/training/metric_table.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

constexpr double kSmooth = 1e-5;

// Overlap of predicted and true pixels of one structure in one image.
struct Overlap {
  double both = 0, predicted = 0, truth = 0;
  double dice() const { return (2 * both + kSmooth) / (predicted + truth + kSmooth); }
  double iou() const { return (both + kSmooth) / (predicted + truth - both + kSmooth); }
};

// Classes that exclude each other, or one structure against the rest.
class SegmentationMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override {
    std::vector<std::string> names{"dice", "iou"};
    if (task_.channels > 1) names.emplace_back("foreground_dice");
    for (std::int64_t c = 1; c < task_.channels; ++c) names.push_back("foreground_dice." + class_label(task_, c));
    return names;
  }

  MetricValues measure(const MeterSample& sample) const override {
    const std::int64_t channels = task_.channels;
    std::vector<Overlap> overlap(static_cast<std::size_t>(channels));
    bool counted = false;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      if (sample.mask != nullptr && sample.mask[i] == 0) continue;
      counted = true;
      add_place(sample.y + i * channels, sample.target[i], &overlap);
    }
    MetricValues values;
    for (const std::string& name : names()) values[name] = Mean().value();
    if (!counted) return values;
    Mean dice, iou, foreground;
    for (std::int64_t c = 0; c < channels; ++c) {
      const Overlap& o = overlap[static_cast<std::size_t>(c)];
      if (c > 0) {
        foreground.add(o.dice());
        values["foreground_dice." + class_label(task_, c)] = o.dice();
      }
      if (channels > 1 && o.truth == 0) continue;
      dice.add(o.dice());
      iou.add(o.iou());
    }
    values["dice"] = dice.value();
    values["iou"] = iou.value();
    if (channels > 1) values["foreground_dice"] = foreground.value();
    return values;
  }

 private:
  void add_place(const real* y, real target, std::vector<Overlap>* overlap) const {
    const std::int64_t channels = task_.channels;
    if (channels == 1) {
      const bool s = *y > 0, t = target > real(0.5);
      Overlap& o = overlap->front();
      o.both += s && t;
      o.predicted += s;
      o.truth += t;
      return;
    }
    const std::int64_t s = std::max_element(y, y + channels) - y, t = static_cast<std::int64_t>(target);
    MEDUSA_CHECK(t >= 0 && t < channels, "metrics: task {}: class {} is outside 0..{}", task_.name, t, channels - 1);
    (*overlap)[static_cast<std::size_t>(s)].predicted += 1;
    (*overlap)[static_cast<std::size_t>(t)].truth += 1;
    if (s == t) (*overlap)[static_cast<std::size_t>(t)].both += 1;
  }
};

class StructuresMeter : public CaseMeter {
 public:
  using CaseMeter::CaseMeter;

  std::vector<std::string> names() const override {
    std::vector<std::string> names{"dice", "iou"};
    for (std::int64_t c = 0; c < task_.channels; ++c) names.push_back("dice." + class_label(task_, c));
    return names;
  }

  MetricValues measure(const MeterSample& sample) const override {
    std::vector<Overlap> overlap(static_cast<std::size_t>(task_.channels));
    const real *y = sample.y, *target = sample.target;
    for (std::int64_t i = 0; i < sample.places; ++i)
      for (Overlap& o : overlap) {
        const bool s = *y++ > 0, t = *target++ > real(0.5);
        o.both += s && t;
        o.predicted += s;
        o.truth += t;
      }
    MetricValues values;
    Mean dice, iou;
    for (std::size_t c = 0; c < overlap.size(); ++c) {
      double& own = values["dice." + class_label(task_, static_cast<std::int64_t>(c))] = Mean().value();
      if (sample.mask != nullptr && sample.mask[c] == 0) continue;
      own = overlap[c].dice();
      dice.add(overlap[c].dice());
      iou.add(overlap[c].iou());
    }
    values["dice"] = dice.value();
    values["iou"] = iou.value();
    return values;
  }
};

}  // namespace

std::unique_ptr<Meter> overlap_meter(const Task& task) {
  if (task.traits().exclusive) return std::make_unique<SegmentationMeter>(task);
  return std::make_unique<StructuresMeter>(task);
}

}  // namespace medusa::mtl

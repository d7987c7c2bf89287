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

class SegmentationMeter : public Meter {
 public:
  using Meter::Meter;
  MetricValues values() const override { return {{"dice", dice_.value()}, {"iou", iou_.value()}}; }

  void add(const MeterSample& sample) override {
    const std::int64_t channels = task_.channels;
    std::vector<Overlap> overlap(static_cast<std::size_t>(channels));
    std::int64_t counted = 0;
    for (std::int64_t i = 0; i < sample.places; ++i) {
      if (sample.mask != nullptr && sample.mask[i] == 0) continue;
      ++counted;
      add_place(sample.y + i * channels, sample.target[i], &overlap);
    }
    if (counted == 0) return;
    Mean dice, iou;
    for (const Overlap& o : overlap) {
      if (channels > 1 && o.truth == 0) continue;
      dice.add(o.dice());
      iou.add(o.iou());
    }
    dice_.add(dice.value());
    iou_.add(iou.value());
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

  Mean dice_, iou_;
};

class StructuresMeter : public Meter {
 public:
  explicit StructuresMeter(const Task& task) : Meter(task), each_(static_cast<std::size_t>(task.channels)) {}
  MetricValues values() const override {
    MetricValues values{{"dice", dice_.value()}, {"iou", iou_.value()}};
    for (std::size_t c = 0; c < each_.size(); ++c)
      values["dice." + (c < task_.classes.size() ? task_.classes[c] : fmt::format("{}", c))] = each_[c].value();
    return values;
  }

  void add(const MeterSample& sample) override {
    std::vector<Overlap> overlap(each_.size());
    const real *y = sample.y, *target = sample.target;
    for (std::int64_t i = 0; i < sample.places; ++i)
      for (Overlap& o : overlap) {
        const bool s = *y++ > 0, t = *target++ > real(0.5);
        o.both += s && t;
        o.predicted += s;
        o.truth += t;
      }
    Mean dice, iou;
    for (std::size_t c = 0; c < overlap.size(); ++c) {
      if (sample.mask != nullptr && sample.mask[c] == 0) continue;
      each_[c].add(overlap[c].dice());
      dice.add(overlap[c].dice());
      iou.add(overlap[c].iou());
    }
    dice_.add(dice.value());
    iou_.add(iou.value());
  }

 private:
  Mean dice_, iou_;
  std::vector<Mean> each_;  // per structure
};

}  // namespace

std::unique_ptr<Meter> overlap_meter(const Task& task) {
  if (task.traits().exclusive) return std::make_unique<SegmentationMeter>(task);
  return std::make_unique<StructuresMeter>(task);
}

}  // namespace medusa::mtl

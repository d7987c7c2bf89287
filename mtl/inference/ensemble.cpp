#include "mtl/inference/ensemble.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mtl/inference/padding.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace medusa::mtl {
namespace {

constexpr std::int64_t kGrain = 1 << 14;  // values for a thread at a time
constexpr double kFar = 700;              // e^-700 and its reciprocal are normal numbers of double

// z between -kFar and kFar; NaN if it is not finite, so that whoever checks the mean finds out.
double near(double z) { return std::clamp(z, -kFar, kFar) + 0 * z; }

// The mean of one task's answers: sums of probabilities or amounts, in double.
class Mean {
 public:
  explicit Mean(const Task& task) : amounts_(task.traits().in_units), classes_(task.has_class_numbers()) {}

  // Raw outputs [.., C] on the host, of the same shape each time.
  void add(const Tensor& raw) {
    if (count_++ == 0) {
      shape_ = raw.shape();
      sum_.assign(static_cast<std::size_t>(raw.numel()), 0);
      if (!amounts_ && !classes_) rest_ = sum_;
    }
    MEDUSA_CHECK(raw.shape() == shape_, "ensemble: an output is {}, the first is {}", raw.shape(), shape_);
    const std::int64_t row = classes_ ? raw.size(-1) : 1, rows = raw.numel() / row;
    parallel_for(rows, std::max<std::int64_t>(1, kGrain / row), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) classes_ ? add_classes(raw.data(), i, row) : add_one(raw.data(), i);
    });
  }

  Tensor raw() const {
    Tensor mean = Tensor::empty(shape_);
    real* to = mean.mutable_data();
    parallel_for(mean.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) to[k] = static_cast<real>(logit(static_cast<std::size_t>(k)));
    });
    return mean;
  }

 private:
  void add_classes(const real* raw, std::int64_t row, std::int64_t classes) {
    const real* z = raw + row * classes;
    double* sum = sum_.data() + row * classes;
    const auto most = static_cast<double>(*std::max_element(z, z + classes));
    double all = 0;
    for (std::int64_t c = 0; c < classes; ++c) all += std::exp(near(static_cast<double>(z[c]) - most));
    for (std::int64_t c = 0; c < classes; ++c) sum[c] += std::exp(near(static_cast<double>(z[c]) - most)) / all;
  }

  void add_one(const real* raw, std::int64_t i) {
    const auto k = static_cast<std::size_t>(i);
    const auto value = static_cast<double>(raw[i]);
    if (amounts_) {
      sum_[k] += value;
      return;
    }
    const double z = near(value), small = std::exp(-std::abs(z)), large = 1 / (1 + small);
    sum_[k] += z < 0 ? small * large : large;
    rest_[k] += z < 0 ? large : small * large;  // 1 - p, without what the subtraction would lose
  }

  double logit(std::size_t k) const {
    if (amounts_) return sum_[k] / count_;
    return classes_ ? std::log(sum_[k] / count_) : std::log(sum_[k]) - std::log(rest_[k]);
  }

  bool amounts_, classes_;
  int count_ = 0;
  Shape shape_;
  std::vector<double> sum_, rest_;
};

std::string text_of(const Task& task) {
  return fmt::format("{} ({}, {} channels{}{}, scale {:g}{}{})", task.name, name(task.kind), task.channels,
                     task.classes.empty() ? "" : ": ", fmt::join(task.classes, ", "), task.scale,
                     task.unit.empty() ? "" : " ", task.unit);
}

void check_flips(const Flips& flips, const ModelConfig& config) {
  std::vector<bool> seen(static_cast<std::size_t>(config.spatial_dims), false);
  for (int axis : flips.axes) {
    MEDUSA_CHECK_INPUT(axis >= 0 && axis < config.spatial_dims && !seen[static_cast<std::size_t>(axis)],
                       "ensemble: flips axis {}, expected different ones from 0 to {}", axis, config.spatial_dims - 1);
    seen[static_cast<std::size_t>(axis)] = true;
  }
  const auto check = [](const Flips::Pairs& pairs, std::int64_t channels) {
    std::vector<bool> taken(static_cast<std::size_t>(channels), false);
    for (const auto& pair : pairs)
      for (std::size_t c : pair) {
        MEDUSA_CHECK_INPUT(c < taken.size() && !taken[c], "ensemble: exchanges channel {} of {}, or twice", c,
                           channels);
        taken[c] = true;
      }
  };
  check(flips.inputs, config.in_channels);
  for (std::size_t t = 0; t < std::min(flips.outputs.size(), config.tasks.size()); ++t)
    check(flips.outputs[t], config.tasks[t].channels);
}

const ModelConfig& first_config(const std::vector<std::unique_ptr<Model>>& members) {
  MEDUSA_CHECK_INPUT(!members.empty(), "ensemble: has no members");
  return members.front()->config();
}

}  // namespace

std::string unlike(const ModelConfig& first, const ModelConfig& other) {
  if (other.spatial_dims != first.spatial_dims)
    return fmt::format("takes images of {} axes, expected {}", other.spatial_dims, first.spatial_dims);
  if (other.in_channels != first.in_channels)
    return fmt::format("has {} input channels, expected {}", other.in_channels, first.in_channels);
  std::vector<std::string> has, expected;
  for (const Task& task : other.tasks) has.push_back(text_of(task));
  for (const Task& task : first.tasks) expected.push_back(text_of(task));
  if (has == expected) return "";
  return fmt::format("has the tasks {}, expected {}", fmt::join(has, "; "), fmt::join(expected, "; "));
}

Tensor flipped(const Tensor& x, const std::vector<int>& axes, const Flips::Pairs& pairs) {
  if (axes.empty() && pairs.empty()) return x;
  const std::int64_t channels = x.size(-1), voxels = x.numel() / channels;
  std::vector<std::int64_t> channel(static_cast<std::size_t>(channels));
  std::iota(channel.begin(), channel.end(), std::int64_t{0});
  for (const auto& [a, b] : pairs) std::swap(channel[a], channel[b]);
  std::vector<bool> turned(static_cast<std::size_t>(x.rank()), false);
  for (int axis : axes) turned[static_cast<std::size_t>(axis) + 1] = true;
  Tensor out = Tensor::empty(x.shape());
  real* to = out.mutable_data();
  parallel_for(voxels, std::max<std::int64_t>(1, kGrain / channels), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::int64_t source = 0, stride = 1, rest = i;
      for (int axis = x.rank() - 2; axis >= 0; --axis) {
        const std::int64_t side = x.size(axis), at = rest % side;
        source += stride * (turned[static_cast<std::size_t>(axis)] ? side - 1 - at : at);
        stride *= side;
        rest /= side;
      }
      for (std::int64_t c = 0; c < channels; ++c)
        to[i * channels + c] = x.data()[source * channels + channel[static_cast<std::size_t>(c)]];
    }
  });
  return out;
}

Ensemble::Ensemble(std::vector<std::unique_ptr<Model>> members, Flips flips)
    : Model(first_config(members)), flips_(std::move(flips)) {
  check_flips(flips_, config());
  flips_.outputs.resize(tasks().size());
  for (std::unique_ptr<Model>& member : members) {
    const std::string difference = unlike(config(), member->config());
    MEDUSA_CHECK_INPUT(difference.empty(), "ensemble: member {} {}", members_.size(), difference);
    members_.push_back(&add(std::to_string(members_.size()), std::move(member)));
  }
  eval();
}

std::vector<Var> Ensemble::outputs(const Var& x) {
  const NoGrad no_grad;
  if (members_.size() == 1 && flips_.views() == 1) return outputs_any_size(*members_[0], x);
  const Tensor image = x.value().to(Device::CPU);
  std::vector<Mean> means(tasks().begin(), tasks().end());
  for (std::size_t view = 0; view < flips_.views(); ++view) {
    std::vector<int> axes;
    for (std::size_t a = 0; a < flips_.axes.size(); ++a)
      if ((view >> a & 1u) != 0) axes.push_back(flips_.axes[a]);
    const bool mirrored = std::count(axes.begin(), axes.end(), flips_.left_right) > 0;
    const Var seen(flipped(image, axes, mirrored ? flips_.inputs : Flips::Pairs{}).to(x.device()));
    for (Model* member : members_) {
      const std::vector<Var> outputs = outputs_any_size(*member, seen);
      for (std::size_t t = 0; t < outputs.size(); ++t) {
        const Tensor raw = outputs[t].value().to(Device::CPU);
        means[t].add(tasks()[t].traits().pixel_level ? flipped(raw, axes, mirrored ? flips_.outputs[t] : Flips::Pairs{})
                                                     : raw);
      }
    }
  }
  std::vector<Var> outputs;
  for (const Mean& mean : means) outputs.emplace_back(mean.raw().to(x.device()));
  return outputs;
}

}  // namespace medusa::mtl

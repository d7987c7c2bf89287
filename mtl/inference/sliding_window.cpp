#include "mtl/inference/sliding_window.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "mtl/inference/padding.h"
#include "tensor/check.h"

namespace medusa::mtl {
namespace {

using Sides = std::vector<std::int64_t>;

// All tensors here are [N, D, H, W, C]; a picture has D = 1.
struct Box {
  std::array<std::int64_t, 3> first{}, size{};
};

// Calls body(offset of the row in `whole`, offset in `box`, n, z, y) for every row of a box; offsets in voxels.
template <class Body>
void for_each_row(std::int64_t n, const std::array<std::int64_t, 3>& whole, const Box& box, const Body& body) {
  for (std::int64_t b = 0, at = 0; b < n; ++b)
    for (std::int64_t z = 0; z < box.size[0]; ++z)
      for (std::int64_t y = 0; y < box.size[1]; ++y, at += box.size[2])
        body(((b * whole[0] + box.first[0] + z) * whole[1] + box.first[1] + y) * whole[2] + box.first[2], at, z, y);
}

class Slide {
 public:
  Slide(Model& model, const Tensor& x, const SlidingWindow& window, const OutputPart& part)
      : model_(model), x_(x), part_(part), spatial_dims_(model.config().spatial_dims), batch_(x.size(0)) {
    const std::vector<std::int64_t> size = window.size.sides();
    for (int a = 0; a < 3; ++a) {
      const int axis = a - (3 - spatial_dims_);
      side_[static_cast<std::size_t>(a)] = axis < 0 ? 1 : x.size(axis + 1);
      axes_.push_back(window_axis(side_[static_cast<std::size_t>(a)],
                                  axis < 0 ? 1 : size[static_cast<std::size_t>(axis)], window.overlap));
    }
    // The planes that a row of windows covers; hand_out() keeps those that the next row covers too.
    for (const Task& task : model.tasks())
      sums_.push_back(Tensor::zeros({batch_, axes_[0].length, side_[1], side_[2], task.channels}));
  }

  void run() {
    const std::vector<std::int64_t>& rows = axes_[0].first;
    for (std::size_t z = 0; z < rows.size(); ++z) {
      for (std::size_t y = 0; y < axes_[1].first.size(); ++y)
        for (std::size_t x = 0; x < axes_[2].first.size(); ++x) look({z, y, x});
      const bool last = z + 1 == rows.size();
      hand_out(rows[z], last ? axes_[0].length : rows[z + 1] - rows[z]);
    }
  }

 private:
  // Adds the network's outputs for one window.
  void look(const std::array<std::size_t, 3>& at) {
    Box box;
    Shape shape{batch_};
    for (std::size_t a = 0; a < 3; ++a) {
      box.first[a] = axes_[a].first[at[a]];
      box.size[a] = axes_[a].length;
      if (static_cast<int>(a) >= 3 - spatial_dims_) shape.push_back(axes_[a].length);
    }
    const std::int64_t channels = x_.size(-1);
    shape.push_back(channels);
    Tensor input = x_;
    if (box.size != side_) {
      input = Tensor::empty(shape);
      real* to = input.mutable_data();
      for_each_row(batch_, side_, box, [&](std::int64_t from, std::int64_t into, std::int64_t, std::int64_t) {
        std::copy_n(x_.data() + from * channels, box.size[2] * channels, to + into * channels);
      });
    }
    const std::vector<Var> outputs = outputs_any_size(model_, Var(input.to(model_.parameters().front().var.device())));
    Box planes = box;  // within the planes held
    planes.first[0] = 0;
    for (std::size_t t = 0; t < outputs.size(); ++t) add(outputs[t].value().to(Device::CPU), sums_[t], planes, at);
  }

  void add(const Tensor& y, Tensor& sum, const Box& box, const std::array<std::size_t, 3>& at) const {
    const std::int64_t channels = y.size(-1);
    const std::vector<double>&sz = axes_[0].share[at[0]], &sy = axes_[1].share[at[1]], &sx = axes_[2].share[at[2]];
    real* to = sum.mutable_data();
    for_each_row(batch_, {axes_[0].length, side_[1], side_[2]}, box,
                 [&](std::int64_t into, std::int64_t from, std::int64_t z, std::int64_t row) {
                   const double outer = sz[static_cast<std::size_t>(z)] * sy[static_cast<std::size_t>(row)];
                   const real* v = y.data() + from * channels;
                   real* s = to + into * channels;
                   for (std::int64_t x = 0; x < box.size[2]; ++x) {
                     const double share = outer * sx[static_cast<std::size_t>(x)];
                     for (std::int64_t c = 0; c < channels; ++c, ++v, ++s)
                       *s = static_cast<real>(static_cast<double>(*s) + share * static_cast<double>(*v));
                   }
                 });
  }

  // The first `count` of the planes held are complete; they start at plane `first` of the volume.
  void hand_out(std::int64_t first, std::int64_t count) {
    std::vector<Tensor> done;
    for (Tensor& sum : sums_) {
      const std::int64_t channels = sum.size(-1), plane = side_[1] * side_[2] * channels, held = axes_[0].length;
      Shape shape{batch_};
      if (spatial_dims_ == 3) shape.push_back(count);
      for (std::int64_t n : {side_[1], side_[2], channels}) shape.push_back(n);
      Tensor out = Tensor::empty(shape);
      for (std::int64_t n = 0; n < batch_; ++n) {
        real* planes = sum.mutable_data() + n * held * plane;
        std::copy_n(planes, count * plane, out.mutable_data() + n * count * plane);
        std::copy(planes + count * plane, planes + held * plane, planes);
        std::fill(planes + (held - count) * plane, planes + held * plane, real(0));
      }
      done.push_back(out);
    }
    part_(first, done);
  }

  Model& model_;
  const Tensor& x_;
  const OutputPart& part_;
  int spatial_dims_;
  std::int64_t batch_;
  std::array<std::int64_t, 3> side_{};
  std::vector<WindowAxis> axes_;
  std::vector<Tensor> sums_;  // per task [N, planes held, H, W, channels]
};

}  // namespace

void check(const SlidingWindow& window, int spatial_dims) {
  MEDUSA_CHECK_INPUT(window.overlap >= 0 && window.overlap <= 0.9, "overlap {}: expected 0 to 0.9", window.overlap);
  MEDUSA_CHECK_INPUT(window.size.empty() || window.size.spatial_dims() == spatial_dims,
                     "window {}: expected {} numbers", window.size.text(), spatial_dims);
  for (std::int64_t n : window.size.sides())
    MEDUSA_CHECK_INPUT(n >= 1, "window {}: expected 1 or more along each axis", window.size.text());
}

WindowAxis window_axis(std::int64_t side, std::int64_t window, double overlap) {
  WindowAxis axis;
  axis.length = std::min(side, window);
  const std::int64_t way = side - axis.length;  // from the first window's start to the last one's
  const auto step =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(axis.length) * (1 - overlap)));
  const std::int64_t steps = (way + step - 1) / step;
  for (std::int64_t n = 0; n <= steps; ++n) axis.first.push_back(steps == 0 ? 0 : way * n / steps);
  const double middle = static_cast<double>(axis.length - 1) / 2, sigma = static_cast<double>(axis.length) / 8;
  std::vector<double> bell, sum(static_cast<std::size_t>(side), 0.0);
  for (std::int64_t i = 0; i < axis.length; ++i) {
    const double d = (static_cast<double>(i) - middle) / sigma;
    bell.push_back(std::exp(-d * d / 2));
  }
  for (std::int64_t first : axis.first)
    for (std::size_t i = 0; i < bell.size(); ++i) sum[static_cast<std::size_t>(first) + i] += bell[i];
  for (std::int64_t first : axis.first) {
    axis.share.push_back(bell);
    for (std::size_t i = 0; i < bell.size(); ++i) axis.share.back()[i] /= sum[static_cast<std::size_t>(first) + i];
  }
  return axis;
}

void slide(Model& model, const Tensor& x, const SlidingWindow& window, const OutputPart& part) {
  const int spatial_dims = model.config().spatial_dims;
  check(window, spatial_dims);
  MEDUSA_CHECK(x.rank() == spatial_dims + 2, "model: expects input with {} axes, input is {}", spatial_dims + 2,
               x.shape());
  MEDUSA_CHECK(x.device() == Device::CPU, "slide: expects a volume on the CPU");
  for (const Task& task : model.tasks())
    MEDUSA_CHECK_INPUT(task.traits().pixel_level, "task {}: has one answer per image, windows would give many",
                       task.name);
  SlidingWindow used = window;
  if (used.size.empty())
    used.size =
        spatial_dims == 3 ? datasets::Extent(x.size(1), x.size(2), x.size(3)) : datasets::Extent(x.size(1), x.size(2));
  const NoGrad no_grad;
  Slide(model, x, used, part).run();
}

std::vector<Tensor> sliding_outputs(Model& model, const Tensor& x, const SlidingWindow& window) {
  const int spatial_dims = model.config().spatial_dims;
  std::vector<Tensor> all;
  slide(model, x, window, [&](std::int64_t first, const std::vector<Tensor>& outputs) {
    for (std::size_t t = 0; t < outputs.size(); ++t) {
      Shape shape = x.shape();
      shape[-1] = outputs[t].size(-1);
      if (first == 0) all.push_back(outputs[t].shape() == shape ? outputs[t] : Tensor::empty(shape));
      if (outputs[t].shape() == shape) continue;
      const std::int64_t n = shape[0], planes = spatial_dims == 3 ? shape[1] : 1,
                         count = spatial_dims == 3 ? outputs[t].size(1) : 1, plane = shape.numel() / n / planes;
      for (std::int64_t b = 0; b < n; ++b)
        std::copy_n(outputs[t].data() + b * count * plane, count * plane,
                    all[t].mutable_data() + (b * planes + first) * plane);
    }
  });
  return all;
}

}  // namespace medusa::mtl

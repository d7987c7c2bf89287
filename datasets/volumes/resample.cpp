#include "datasets/volumes/resample.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/parallel.h"

namespace medusa::datasets {
namespace {

constexpr double kSame = 1e-6;  // spacings come from square roots: that far apart they are equal
constexpr std::int64_t kMostVoxels = std::int64_t{1} << 31;
constexpr std::int64_t kInner = 4096;  // sums at a time, so that they stay in the cache

// One axis of the new grid seen from the old: new voxel n lies at  first + n step  of `from` old ones.
struct Axis {
  std::int64_t from = 1, to = 1;
  double first = 0, step = 1;
  bool same() const {
    return from == to && std::abs(first) < kSame &&
           std::abs(step - 1) * static_cast<double>(std::max<std::int64_t>(to - 1, 1)) < kSame;
  }
};

// For each new voxel the first old one that contributes, how many do, and their weights, which sum to 1.
struct Filter {
  std::vector<std::int64_t> first, count;
  std::vector<std::size_t> start;  // of the weights
  std::vector<double> weight;
};

Filter make_filter(const Axis& axis) {
  Filter f;
  const double width = std::max(std::abs(axis.step), 1.0), end = static_cast<double>(axis.from - 1);
  for (std::int64_t n = 0; n < axis.to; ++n) {
    // Beyond the outermost centres there is nothing to blend with.
    const double at = std::clamp(axis.first + static_cast<double>(n) * axis.step, 0.0, end);
    const auto low = static_cast<std::int64_t>(std::max(std::ceil(at - width), 0.0));
    const auto high = static_cast<std::int64_t>(std::min(std::floor(at + width), end));
    f.start.push_back(f.weight.size());
    double sum = 0;
    for (std::int64_t x = low; x <= high; ++x) {
      f.weight.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(x) - at) / width));
      sum += f.weight.back();
    }
    for (std::size_t k = f.start.back(); k < f.weight.size(); ++k) f.weight[k] /= sum;
    f.first.push_back(low);
    f.count.push_back(high - low + 1);
  }
  return f;
}

// The middle axis of x [outer, from, inner] on the new grid.
void filter_axis(const real* x, std::int64_t outer, std::int64_t inner, const Axis& axis, real* y) {
  const Filter f = make_filter(axis);
  const std::int64_t pieces = (inner + kInner - 1) / kInner;
  parallel_for(outer * axis.to * pieces, std::max<std::int64_t>(1, 16384 / std::min(inner, kInner)),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<double> sum(static_cast<std::size_t>(std::min(inner, kInner)));
                 for (std::int64_t job = begin; job < end; ++job) {
                   const std::int64_t piece = job % pieces * kInner, n = job / pieces % axis.to,
                                      o = job / pieces / axis.to, length = std::min(kInner, inner - piece);
                   const auto at = static_cast<std::size_t>(n);
                   std::fill(sum.begin(), sum.end(), 0.0);
                   for (std::int64_t k = 0; k < f.count[at]; ++k) {
                     const double w = f.weight[f.start[at] + static_cast<std::size_t>(k)];
                     if (w == 0) continue;  // a NaN voxel must not spread to where its weight is 0
                     const real* from = x + (o * axis.from + f.first[at] + k) * inner + piece;
                     for (std::int64_t c = 0; c < length; ++c)
                       sum[static_cast<std::size_t>(c)] += w * static_cast<double>(from[c]);
                   }
                   real* to = y + (o * axis.to + n) * inner + piece;
                   for (std::int64_t c = 0; c < length; ++c)
                     to[c] = static_cast<real>(sum[static_cast<std::size_t>(c)]);
                 }
               });
}

// Axes i, j, k are 2, 1, 0 of the tensor.
Tensor blend(Tensor values, const std::array<Axis, 3>& axes) {
  std::array<std::size_t, 3> order{0, 1, 2};  // first those that leave the least work for the others
  const auto growth = [&axes](std::size_t a) {
    return static_cast<double>(axes[a].to) / static_cast<double>(axes[a].from);
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return growth(a) < growth(b); });
  for (std::size_t a : order) {
    if (axes[a].same()) continue;
    const int dim = 2 - static_cast<int>(a);
    Shape shape = values.shape();
    std::int64_t outer = 1, inner = 1;
    for (int d = 0; d < 4; ++d) (d < dim ? outer : inner) *= d == dim ? 1 : shape[d];
    shape[dim] = axes[a].to;
    Tensor out = Tensor::empty(shape);
    filter_axis(values.data(), outer, inner, axes[a], out.mutable_data());
    values = out;
  }
  return values;
}

// Weights of the labels around one place; there are few of them.
class Votes {
 public:
  void clear() { votes_.clear(); }
  void add(real label, double weight) {
    for (auto& [known, sum] : votes_)
      if (known == label) {
        sum += weight;
        return;
      }
    votes_.emplace_back(label, weight);
  }
  real winner() const {
    std::pair<real, double> best = votes_.front();
    for (const auto& vote : votes_) {
      // Sums of the same weights in another order differ in their last bits, and must count as equal.
      const double more = vote.second - best.second;
      if (more > 1e-12 || (more > -1e-12 && vote.first < best.first)) best = vote;
    }
    return best.first;
  }

 private:
  std::vector<std::pair<real, double>> votes_;
};

Tensor vote(const Tensor& values, const std::array<Axis, 3>& axes) {
  const Filter fi = make_filter(axes[0]), fj = make_filter(axes[1]), fk = make_filter(axes[2]);
  const std::int64_t channels = values.size(3), w = axes[0].from, h = axes[1].from;
  Tensor out = Tensor::empty({axes[2].to, axes[1].to, axes[0].to, channels});
  const real* from = values.data();
  real* to = out.mutable_data();
  const auto row_of = [&](std::int64_t row, Votes& votes) {
    const auto k = static_cast<std::size_t>(row / axes[1].to), j = static_cast<std::size_t>(row % axes[1].to);
    real* line = to + row * axes[0].to * channels;
    for (std::size_t i = 0; i < fi.first.size(); ++i)
      for (std::int64_t c = 0; c < channels; ++c, ++line) {
        votes.clear();
        for (std::int64_t z = 0; z < fk.count[k]; ++z)
          for (std::int64_t y = 0; y < fj.count[j]; ++y) {
            const double wzy = fk.weight[fk.start[k] + static_cast<std::size_t>(z)] *
                               fj.weight[fj.start[j] + static_cast<std::size_t>(y)];
            if (wzy == 0) continue;
            const real* x = from + (((fk.first[k] + z) * h + fj.first[j] + y) * w + fi.first[i]) * channels + c;
            for (std::int64_t n = 0; n < fi.count[i]; ++n)
              votes.add(x[n * channels], wzy * fi.weight[fi.start[i] + static_cast<std::size_t>(n)]);
          }
        *line = votes.winner();
      }
  };
  parallel_for(axes[2].to * axes[1].to, 8, [&](std::int64_t begin, std::int64_t end) {
    Votes votes;
    for (std::int64_t row = begin; row < end; ++row) row_of(row, votes);
  });
  return out;
}

Volume on_grid(const Volume& volume, const Tensor& values, const Affine& affine) {
  Volume result = volume;
  result.values = values;
  result.affine = affine;
  if (result.file_shape.size() == 2 && result.depth() > 1)  // it was a picture
    result.file_shape = {result.width(), result.height(), result.depth()};
  return result;
}

// `from` with voxel index a counted in steps of step[a], from `first` on.
Affine stepped(const Affine& from, const Vec3& first, const Vec3& step) {
  Affine to = from;
  const Vec3 origin = from.apply(first);
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t a = 0; a < 3; ++a) to.m[r][a] *= step[a];
    to.m[r][3] = origin[r];
  }
  return to;
}

}  // namespace

Size3 size_of(const Volume& volume) { return {volume.width(), volume.height(), volume.depth()}; }

VolumeGrid grid_of(const Volume& volume) { return {volume.affine, size_of(volume)}; }

VolumeGrid grid_at_spacing(const Volume& volume, const Vec3& spacing) {
  const Vec3 now = volume.spacing();
  const Size3 size = size_of(volume);
  VolumeGrid grid;
  Vec3 step{}, first{};
  double voxels = 1;
  for (std::size_t a = 0; a < 3; ++a) {
    MEDUSA_CHECK_INPUT(spacing[a] > 0 && std::isfinite(spacing[a]), "spacing {} mm: expected more than 0", spacing[a]);
    MEDUSA_CHECK_INPUT(now[a] > 0 && std::isfinite(now[a]), "spacing: the volume's own is {} mm", now[a]);
    step[a] = std::abs(spacing[a] / now[a] - 1) < kSame ? 1 : spacing[a] / now[a];
    const double n = std::max(1.0, std::floor(static_cast<double>(size[a]) / step[a] + 0.5 + kSame));
    voxels *= n;
    MEDUSA_CHECK_INPUT(voxels <= static_cast<double>(kMostVoxels),
                       "spacing {} mm: makes more than 2^31 voxels of {} x {} x {} of {} mm", fmt::join(spacing, " x "),
                       size[0], size[1], size[2], fmt::join(now, " x "));
    grid.size[a] = static_cast<std::int64_t>(n);
    first[a] = (static_cast<double>(size[a] - 1) - (n - 1) * step[a]) / 2;
  }
  grid.affine = stepped(volume.affine, first, step);
  return grid;
}

Volume resample_to(const Volume& volume, const VolumeGrid& grid, Content content) {
  const Affine map = inverse(volume.affine) * grid.affine;  // new indices to old ones
  const Size3 size = size_of(volume);
  std::array<Axis, 3> axes;
  bool same = true;
  for (std::size_t a = 0; a < 3; ++a) {
    MEDUSA_CHECK(grid.size[a] >= 1, "resample: size {}", fmt::join(grid.size, " x "));
    for (std::size_t b = 0; b < 3; ++b)  // along the whole axis b no more than a hundredth of a voxel
      MEDUSA_CHECK(a == b || std::abs(map.m[a][b]) * static_cast<double>(grid.size[b]) < 0.01,
                   "resample: the axes of the two grids are not parallel");
    axes[a] = {size[a], grid.size[a], map.m[a][3], map.m[a][a]};
    same = same && axes[a].same();
  }
  if (same) return on_grid(volume, volume.values, grid.affine);
  return on_grid(volume, content == Content::Labels ? vote(volume.values, axes) : blend(volume.values, axes),
                 grid.affine);
}

Volume channel_on(const Tensor& values, std::int64_t channel, const VolumeGrid& from, const Volume& own) {
  const Size3 size = from.size;
  const std::int64_t channels = values.size(-1);
  MEDUSA_CHECK(channel >= 0 && channel < channels && values.numel() == size[0] * size[1] * size[2] * channels,
               "resample: channel {} of values {} on a grid of {} voxels", channel, values.shape(),
               fmt::join(size, " x "));
  Tensor one = Tensor::empty({size[2], size[1], size[0], 1});
  for (std::int64_t i = 0; i < one.numel(); ++i) one.mutable_data()[i] = values.data()[i * channels + channel];
  Volume out = own;
  out.values = resample_to(make_volume(one, from.affine), grid_of(own), Content::Amounts).values;
  out.slope = 1;
  out.intercept = 0;
  return out;
}

Volume box(const Volume& volume, const Size3& first, const Size3& size, real outside) {
  const std::int64_t channels = volume.channels(), w = volume.width(), h = volume.height(), d = volume.depth();
  double voxels = 1;
  for (std::int64_t n : size) {
    MEDUSA_CHECK(n >= 1, "box: size {}", fmt::join(size, " x "));
    voxels *= static_cast<double>(n);
  }
  MEDUSA_CHECK_INPUT(voxels <= static_cast<double>(kMostVoxels), "size {}: more than 2^31 voxels",
                     fmt::join(size, " x "));
  Tensor values = Tensor::full({size[2], size[1], size[0], channels}, outside);
  const real* from = volume.values.data();
  real* to = values.mutable_data();
  const std::int64_t begin = std::clamp<std::int64_t>(first[0], 0, w), end = std::clamp(first[0] + size[0], begin, w);
  for (std::int64_t k = 0; k < size[2]; ++k)
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const std::int64_t z = first[2] + k, y = first[1] + j;
      if (z < 0 || z >= d || y < 0 || y >= h || begin == end) continue;
      std::copy_n(from + ((z * h + y) * w + begin) * channels, (end - begin) * channels,
                  to + ((k * size[1] + j) * size[0] + begin - first[0]) * channels);
    }
  const Vec3 start{static_cast<double>(first[0]), static_cast<double>(first[1]), static_cast<double>(first[2])};
  return on_grid(volume, values, stepped(volume.affine, start, {1, 1, 1}));
}

Volume crop_or_pad(const Volume& volume, const Size3& size, real outside) {
  const Size3 now = size_of(volume);
  Size3 first;
  for (std::size_t a = 0; a < 3; ++a) {
    MEDUSA_CHECK_INPUT(size[a] >= 1, "size {}: expected 1 or more along each axis", fmt::join(size, " x "));
    first[a] = now[a] >= size[a] ? (now[a] - size[a]) / 2 : -((size[a] - now[a]) / 2);
  }
  return box(volume, first, size, outside);
}

Volume window(const Volume& volume, double low, double high) {
  MEDUSA_CHECK_INPUT(high > low && std::isfinite(high - low), "window {} to {}: expected the lower end first", low,
                     high);
  Tensor values = Tensor::empty(volume.values.shape());
  const real* from = volume.values.data();
  real* to = values.mutable_data();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    to[i] = static_cast<real>(std::clamp((static_cast<double>(from[i]) - low) / (high - low), 0.0, 1.0));
  Volume result = on_grid(volume, values, volume.affine);
  result.unit = "";
  result.stored = sizeof(real) == 8 ? ScalarType::Float64 : ScalarType::Float32;
  result.slope = 1;
  result.intercept = 0;
  return result;
}

}  // namespace medusa::datasets

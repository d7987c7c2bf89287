// From a case's files to the grid that the network sees, and what augmentation does to it there.
#include <algorithm>
#include <cmath>

#include "datasets/case_file.h"
#include "datasets/cases.h"
#include "datasets/resample.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

// Two grids are one where no corner lies farther apart than a twentieth of a voxel: files keep rounded numbers.
constexpr double kSamePlace = 0.05;

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

std::string shape_text(const Volume& v) { return fmt::format("{} x {} x {}", v.depth(), v.height(), v.width()); }

double corner_distance(const Volume& a, const Volume& b) {
  const Vec3 spacing = a.spacing();
  const double smallest = std::max(1e-9, *std::min_element(spacing.begin(), spacing.end()));
  double far = 0;
  for (int corner = 0; corner < 8; ++corner) {
    const Vec3 ijk{corner & 1 ? static_cast<double>(a.width() - 1) : 0,
                   corner & 2 ? static_cast<double>(a.height() - 1) : 0,
                   corner & 4 ? static_cast<double>(a.depth() - 1) : 0};
    const Vec3 p = a.affine.apply(ijk), q = b.affine.apply(ijk);
    far = std::max(far, std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) / smallest);
  }
  return far;
}

// All files of one case: read, held against the first, brought to the network's grid.
class Reader {
 public:
  Reader(const CasePlan& plan, const CaseRow& row, const Grid& size) : plan_(plan), row_(row), size_(size) {}

  Case read() {
    Case c;
    for (std::size_t i = 0; i < plan_.inputs.size(); ++i) {
      const Volume image = with_channels(load(row_.inputs[i]), plan_.inputs[i].channels, row_.inputs[i]);
      check_finite(image, row_.inputs[i]);
      if (i == 0) c.spacing = fit_to(image);
      normalise(plan_.inputs[i], image, c.inputs);
    }
    c.grid = {std::max<std::int64_t>(size_.depth, 1), size_.height, size_.width};
    for (std::size_t t = 0; t < plan_.targets.size(); ++t) c.labels.push_back(label(plan_.targets[t], row_.labels[t]));
    return c;
  }

 private:
  bool pictures() const { return size_.depth == 0; }

  Volume load(const std::string& name) {
    Volume volume = files_.read(name, pictures());
    if (!first_.empty()) {
      MEDUSA_CHECK_INPUT(size_of(volume) == size_of(reference_), "{}: has {} voxels, {} has {}", name,
                         shape_text(volume), first_, shape_text(reference_));
      const double far = corner_distance(reference_, volume);
      MEDUSA_CHECK_INPUT(pictures() || far < kSamePlace,
                         "{}: lies on another grid than {}: their corners are up to {:.2g} voxels apart", name, first_,
                         far);
      return volume;
    }
    first_ = name;
    reference_ = volume;
    reference_.values = Tensor::empty({volume.depth(), volume.height(), volume.width(), 1});
    return volume;
  }

  static void check_finite(const Volume& v, const std::string& name) {
    const real* x = v.values.data();
    const auto bad = std::count_if(x, x + v.values.numel(), [](real value) { return !std::isfinite(value); });
    MEDUSA_CHECK_INPUT(bad == 0, "{}: {} of {} values are no numbers", name, bad, v.values.numel());
  }

  // Pictures: colour to grey and back.  Others must have as many channels as is said.
  static Volume with_channels(const Volume& v, std::int64_t channels, const std::string& name) {
    const std::int64_t has = v.channels();
    const bool picture = v.file_shape.empty();
    if (has == channels) return v;
    MEDUSA_CHECK_INPUT(picture && (channels == 1 || channels == 3), "{}: has {} channels, expected {}", name, has,
                       channels);
    Volume out = v;
    const std::int64_t pixels = v.values.numel() / has;
    out.values = Tensor::empty({1, v.height(), v.width(), channels});
    const real* x = v.values.data();
    real* to = out.values.mutable_data();
    const bool colour = has >= 3;  // else grey, with or without transparency, which is dropped
    for (std::int64_t i = 0; i < pixels; ++i, x += has) {
      const double grey = colour ? std::floor(0.299 * static_cast<double>(x[0]) + 0.587 * static_cast<double>(x[1]) +
                                              0.114 * static_cast<double>(x[2]) + 0.5)
                                 : static_cast<double>(x[0]);
      for (std::int64_t c = 0; c < channels; ++c) *to++ = colour && channels == 3 ? x[c] : static_cast<real>(grey);
    }
    return out;
  }

  // Decides on the grid between file and network; returns its spacing along depth, height, width.
  Vec3 fit_to(const Volume& image) {
    const Size3 sides{size_.width, size_.height, std::max<std::int64_t>(size_.depth, 1)};
    const Vec3 own = image.spacing();
    Vec3 spacing{};
    for (std::size_t a = 0; a < 3; ++a) {
      const double count = static_cast<double>(sides[a]);
      spacing[a] = own[a] * static_cast<double>(size_of(image)[a]) / count;
      if (pictures()) continue;
      if (plan_.field_of_view > 0) spacing[a] = plan_.field_of_view / count;
      if (!plan_.spacing.empty()) spacing[a] = plan_.spacing[2 - a];
    }
    grid_ = grid_at_spacing(image, spacing);
    sides_ = sides;
    return {spacing[2], spacing[1], spacing[0]};
  }

  Volume fit(const Volume& v, Content content, real outside) const {
    return crop_or_pad(resample_to(v, grid_, content), sides_, outside);
  }

  // Appends the image's channels.
  void normalise(const CaseInput& input, const Volume& image, std::vector<std::vector<real>>& channels) const {
    Volume v = image;
    if (input.window) {
      v.values = Tensor::empty(image.values.shape());
      std::transform(
          image.values.data(), image.values.data() + image.values.numel(), v.values.mutable_data(), [&](real x) {
            return std::clamp(x, static_cast<real>((*input.window)[0]), static_cast<real>((*input.window)[1]));
          });
    }
    const real* all = v.values.data();
    const real least =
        input.window ? static_cast<real>((*input.window)[0]) : *std::min_element(all, all + v.values.numel());
    const Tensor fitted = fit(v, Content::Amounts, least).values;
    for (std::int64_t c = 0; c < input.channels; ++c) {
      const auto [mean, deviation] = statistics(input, v, c);
      std::vector<real> plane;
      for (std::int64_t i = c; i < fitted.numel(); i += input.channels)
        plane.push_back(static_cast<real>((static_cast<double>(fitted.data()[i]) - mean) / deviation));
      channels.push_back(std::move(plane));
    }
  }

  // What is subtracted, and divided by.
  static std::pair<double, double> statistics(const CaseInput& input, const Volume& v, std::int64_t channel) {
    if (!input.mean.empty()) {
      const auto own = [&](const std::vector<double>& v) { return v[v.size() == 1 ? 0 : place(channel)]; };
      return {own(input.mean), own(input.deviation)};
    }
    if (input.by_case) {
      const std::int64_t count = v.values.numel() / v.channels();
      double sum = 0, squares = 0;
      for (std::int64_t i = channel; i < v.values.numel(); i += v.channels())
        sum += static_cast<double>(v.values.data()[i]);
      const double mean = sum / static_cast<double>(count);
      for (std::int64_t i = channel; i < v.values.numel(); i += v.channels())
        squares += std::pow(static_cast<double>(v.values.data()[i]) - mean, 2);
      const double deviation = std::sqrt(squares / static_cast<double>(count));
      return {mean, deviation > 0 ? deviation : 1};
    }
    if (input.window) return {(*input.window)[0], (*input.window)[1] - (*input.window)[0]};
    const bool picture = v.file_shape.empty();
    return {0, !picture ? 1 : v.stored == ScalarType::UInt16 ? 65535 : 255};
  }

  Case::Label label(const CaseTarget& target, const CaseLabel& from) {
    Case::Label to;
    to.present = from.present();
    if (!to.present || !pixel_level(target.info.kind)) return to;
    if (target.info.kind == TaskKind::Segmentation) {
      to.maps = {classes(target, from.files[0])};
    } else if (target.info.kind == TaskKind::Structures) {
      for (const std::string& file : from.files) {
        to.maps.push_back(file.empty() ? std::vector<std::uint16_t>(place(voxels())) : structure(file));
        to.outlined.push_back(std::count(to.maps.back().begin(), to.maps.back().end(), 1) > 0);
      }
      to.present = std::find(to.outlined.begin(), to.outlined.end(), true) != to.outlined.end();
      return to;
    } else {
      to.values = amounts(target, from);
    }
    const std::vector<std::uint16_t> counts = mask(from);
    if (std::find(counts.begin(), counts.end(), 0) != counts.end()) to.mask = counts;
    return to;
  }

  std::int64_t voxels() const { return sides_[0] * sides_[1] * sides_[2]; }

  std::vector<std::uint16_t> whole_numbers(const Volume& v) const {
    std::vector<std::uint16_t> out;
    for (std::int64_t i = 0; i < v.values.numel(); ++i) out.push_back(static_cast<std::uint16_t>(v.values.data()[i]));
    return out;
  }

  // One channel of labels.  Of pictures three equal channels are one.
  Volume labels_of(const std::string& name) {
    Volume v = load(name);
    if (v.channels() == 1) return v;
    const real* x = v.values.data();
    const std::int64_t channels = v.channels(), colours = std::min<std::int64_t>(channels, channels == 2 ? 1 : 3);
    Volume out = v;
    out.values = Tensor::empty({v.depth(), v.height(), v.width(), 1});
    for (std::int64_t i = 0; i < out.values.numel(); ++i, x += channels) {
      for (std::int64_t c = 1; c < colours; ++c)
        MEDUSA_CHECK_INPUT(x[c] == x[0], "{}: has colours, expected the numbers of classes", name);
      out.values.mutable_data()[i] = x[0];
    }
    return out;
  }

  // 0 and 1 from a file of 0 and 1, or 0 and 255.
  Volume yes_or_no(const std::string& name) {
    Volume v = labels_of(name);
    Volume out = v;
    out.values = Tensor::empty(v.values.shape());
    for (std::int64_t i = 0; i < v.values.numel(); ++i) {
      const real x = v.values.data()[i];
      MEDUSA_CHECK_INPUT(x == 0 || x == 1 || x == 255, "{}: holds {}, expected 0 and 1 or 0 and 255", name, x);
      out.values.mutable_data()[i] = x == 0 ? real(0) : real(1);
    }
    return out;
  }

  // A structure too small for the coarser grid stays where any of it was.
  std::vector<std::uint16_t> structure(const std::string& name) {
    const Volume v = yes_or_no(name);
    std::vector<std::uint16_t> map = whole_numbers(fit(v, Content::Labels, 0));
    if (std::find(map.begin(), map.end(), 1) != map.end()) return map;
    const Tensor share = fit(v, Content::Amounts, 0).values;
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = share.data()[i] > 0 ? 1 : 0;
    return map;
  }

  std::vector<std::uint16_t> classes(const CaseTarget& target, const std::string& name) {
    if (target.info.channels == 1 && target.values.empty()) return structure_like(name);
    const Volume v = labels_of(name);
    Volume out = v;
    out.values = Tensor::empty(v.values.shape());
    std::vector<double> values = target.values;
    for (std::int64_t k = 0; values.size() < place(target.info.channels); ++k) values.push_back(static_cast<double>(k));
    for (std::int64_t i = 0; i < v.values.numel(); ++i) {
      const auto found = std::find(values.begin(), values.end(), static_cast<double>(v.values.data()[i]));
      MEDUSA_CHECK_INPUT(found != values.end(), "{}: holds {}, expected the numbers of {} classes: {}", name,
                         v.values.data()[i], values.size(), fmt::join(values, ", "));
      out.values.mutable_data()[i] = static_cast<real>(found - values.begin());
    }
    return whole_numbers(fit(out, Content::Labels, 0));
  }
  std::vector<std::uint16_t> structure_like(const std::string& name) {
    return whole_numbers(fit(yes_or_no(name), Content::Labels, 0));
  }

  // 1 in the volume, 0 where the network's grid goes beyond it.
  Volume inside() const {
    const Tensor ones = Tensor::full({grid_.size[2], grid_.size[1], grid_.size[0], 1}, 1);
    return crop_or_pad(make_volume(ones, grid_.affine), sides_, 0);
  }

  // Where labels count: inside the volume, and inside the mask.
  std::vector<std::uint16_t> mask(const CaseLabel& from) {
    return from.mask.empty() ? whole_numbers(inside()) : structure(from.mask);
  }

  // Amounts: the mean over what counts, so that the edge of a mask is not diluted with what lies outside.
  std::vector<std::vector<real>> amounts(const CaseTarget& target, const CaseLabel& from) {
    const Volume v = load(from.files[0]);
    const std::int64_t channels = target.info.channels;
    MEDUSA_CHECK_INPUT(v.channels() == channels, "{}: has {} channels, expected {}", from.files[0], v.channels(),
                       channels);
    check_finite(v, from.files[0]);
    Volume counted = v;
    Volume share = inside();
    if (!from.mask.empty()) {
      const Volume part = yes_or_no(from.mask);
      counted.values = v.values.clone();
      for (std::int64_t i = 0; i < v.values.numel(); ++i)
        if (part.values.data()[i / channels] == 0) counted.values.mutable_data()[i] = 0;
      share = fit(part, Content::Amounts, 0);
    }
    const Tensor sum = fit(counted, Content::Amounts, 0).values;
    std::vector<std::vector<real>> out(place(channels));
    for (std::int64_t i = 0; i < sum.numel(); ++i) {
      const double weight = static_cast<double>(share.values.data()[i / channels]);
      const double value = weight > 0 ? static_cast<double>(sum.data()[i]) / weight : 0;
      out[place(i % channels)].push_back(static_cast<real>(value / target.info.scale));
    }
    return out;
  }

  const CasePlan& plan_;
  const CaseRow& row_;
  const Grid size_;
  CaseFiles files_;
  std::string first_;
  Volume reference_;
  VolumeGrid grid_;
  Size3 sides_{1, 1, 1};
};

}  // namespace

bool CaseLabel::present() const {
  return !numbers.empty() || std::any_of(files.begin(), files.end(), [](const std::string& f) { return !f.empty(); });
}

std::int64_t Case::bytes() const {
  std::size_t total = 0;
  for (const auto& plane : inputs) total += plane.size() * sizeof(real);
  for (const Label& label : labels) {
    for (const auto& map : label.maps) total += map.size() * sizeof(std::uint16_t);
    for (const auto& plane : label.values) total += plane.size() * sizeof(real);
    total += label.mask.size() * sizeof(std::uint16_t);
  }
  return static_cast<std::int64_t>(total);
}

Case read_case(const CasePlan& plan, const CaseRow& row, const Grid& size) { return Reader(plan, row, size).read(); }

Case augment(const CasePlan& plan, const Case& original, const VolumeChange& change) {
  Case c = original;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    std::vector<real>& plane = c.inputs[i];
    const auto [low, high] = std::minmax_element(plane.begin(), plane.end());
    const real least = *low, most = *high;
    plane = warp_linear(plane, c.grid, change, least);
    VolumeChange own = change;
    own.noise_stream += i;  // not the same noise in every channel
    if (most > least) change_intensities(plane, own, least, most);
  }
  for (std::size_t t = 0; t < c.labels.size(); ++t) {
    Case::Label& label = c.labels[t];
    for (auto& map : label.maps) map = warp_nearest(map, c.grid, change);
    for (auto& plane : label.values) plane = warp_linear(plane, c.grid, change, 0);
    if (!label.mask.empty()) label.mask = warp_nearest(label.mask, c.grid, change);
    if (!change.mirror) continue;
    for (const auto& [a, b] : plan.targets[t].mirrored) {
      if (!label.outlined.empty()) {
        std::swap(label.maps[a], label.maps[b]);
        std::vector<bool>::swap(label.outlined[a], label.outlined[b]);
      } else if (!label.maps.empty()) {
        for (std::uint16_t& k : label.maps[0]) k = static_cast<std::uint16_t>(k == a ? b : k == b ? a : k);
      }
    }
  }
  return c;
}

}  // namespace medusa::datasets

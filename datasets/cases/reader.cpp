// A case's images on the grid that the network sees.
#include "datasets/cases/reader.h"

#include <algorithm>
#include <cmath>

#include "datasets/cases/picture_notes.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

// Two grids are equal if no corner is more than a twentieth of a voxel apart: files hold rounded numbers.
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

bool is_picture(const Volume& v) { return v.file_shape.empty(); }
double largest_of(const Volume& picture) { return picture.stored == ScalarType::UInt16 ? 65535 : 255; }

// A picture in the numbers of the input's window, mean and std, so that 8 and 16 bits of the same content are the same.
Volume in_numbers_of(const CaseInput& input, Volume v) {
  if (!is_picture(v) || largest_of(v) == picture_maximum(input)) return v;
  const double factor = picture_maximum(input) / largest_of(v);
  Tensor values = Tensor::empty(v.values.shape());
  std::transform(v.values.data(), v.values.data() + v.values.numel(), values.mutable_data(),
                 [factor](real x) { return static_cast<real>(static_cast<double>(x) * factor); });
  v.values = values;
  v.stored = picture_maximum(input) > 255 ? ScalarType::UInt16 : ScalarType::UInt8;
  return v;
}

// Pictures are converted from colour to grey and back, grey in the 256 steps of images/image.h.  Volumes must have the
// expected number of channels.
Volume with_channels(const Volume& v, std::int64_t channels, const std::string& name) {
  const std::int64_t has = v.channels();
  if (has == channels) return v;
  MEDUSA_CHECK_INPUT(is_picture(v) && (channels == 1 || channels == 3), "{}: has {} channels, expected {}", name, has,
                     channels);
  Volume out = v;
  const std::int64_t pixels = v.values.numel() / has;
  out.values = Tensor::empty({1, v.height(), v.width(), channels});
  const real* x = v.values.data();
  real* to = out.values.mutable_data();
  const bool colour = has >= 3;  // else grey, with or without transparency, which is dropped
  const double step = largest_of(v) / 255;
  for (std::int64_t i = 0; i < pixels; ++i, x += has) {
    const auto c0 = static_cast<double>(x[0]);
    const double luma = colour ? 0.299 * c0 + 0.587 * static_cast<double>(x[1]) + 0.114 * static_cast<double>(x[2]) : 0;
    const double grey = colour ? step * std::floor(luma / step + 0.5) : c0;
    for (std::int64_t c = 0; c < channels; ++c) *to++ = colour && channels == 3 ? x[c] : static_cast<real>(grey);
  }
  return out;
}

// What is subtracted, and divided by.
std::pair<double, double> statistics(const CaseInput& input, const Volume& v, std::int64_t channel) {
  if (!input.mean.empty()) {
    const auto own = [&](const std::vector<double>& v) { return v[v.size() == 1 ? 0 : place(channel)]; };
    return {own(input.mean), own(input.std)};
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
  return {0, is_picture(v) ? largest_of(v) : 1};
}

}  // namespace

void check_finite(const Volume& v, const std::string& name) {
  const real* x = v.values.data();
  const auto bad = std::count_if(x, x + v.values.numel(), [](real value) { return !std::isfinite(value); });
  MEDUSA_CHECK_INPUT(bad == 0, "{}: {} of {} values are NaN or infinite", name, bad, v.values.numel());
}

std::vector<std::vector<real>> CaseReader::images(const std::vector<std::string>& files) {
  std::vector<std::vector<real>> channels;
  for (std::size_t i = 0; i < plan_.inputs.size(); ++i)
    attempt([&] {
      const CaseInput& input = plan_.inputs[i];
      const Volume stored = load(files[i]);
      check_finite(stored, files[i]);
      note_range(input.name, "", files[i], stored);
      normalise(input, with_channels(in_numbers_of(input, stored), input.channels, files[i]), channels);
    });
  return channels;
}

void CaseReader::note_range(const std::string& image, const std::string& unit, const std::string& file,
                            const Volume& v) {
  if (raw_ == nullptr) return;
  raw_->ranges.push_back(range_of(image, v.unit.empty() ? unit : v.unit, v.values.data(), place(v.values.numel())));
  const RawSample::Range& range = raw_->ranges.back();
  if (range.low == range.high) raw_->problems.push_back(fmt::format("{}: all values are {}", file, range.low));
}

Volume CaseReader::load(const std::string& name) {
  Volume volume = files_.read(name, pictures());
  if (!first_.empty()) {
    MEDUSA_CHECK_INPUT(size_of(volume) == size_of(reference_), "{}: has {} voxels, {} has {}", name, shape_text(volume),
                       first_, shape_text(reference_));
    const double far = corner_distance(reference_, volume);
    MEDUSA_CHECK_INPUT(pictures() || far < kSamePlace,
                       "{}: lies on a different grid from {}: their corners are up to {:.2g} voxels apart", name,
                       first_, far);
    return volume;
  }
  decide_grid(name, volume);
  return volume;
}

void CaseReader::decide_grid(const std::string& name, const Volume& image) {
  first_ = name;
  reference_ = image;
  reference_.values = Tensor::empty({image.depth(), image.height(), image.width(), 1});
  sides_ = {size_.width, size_.height, std::max<std::int64_t>(size_.depth, 1)};
  const Vec3 own = image.spacing();
  Vec3 spacing{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double count = static_cast<double>(sides_[a]);
    spacing[a] = own[a] * static_cast<double>(size_of(image)[a]) / count;
    if (pictures()) continue;
    if (plan_.field_of_view > 0) spacing[a] = plan_.field_of_view / count;
    if (!plan_.spacing.empty()) spacing[a] = plan_.spacing[2 - a];
  }
  grid_ = grid_at_spacing(image, spacing);
  spacing_ = {spacing[2], spacing[1], spacing[0]};
  if (raw_ == nullptr) return;
  raw_->shape = {image.height(), image.width()};
  if (pictures()) return;
  raw_->shape.insert(raw_->shape.begin(), image.depth());
  raw_->spacing = {own[2], own[1], own[0]};
}

Volume CaseReader::fit(const Volume& v, Content content, real outside) const {
  return crop_or_pad(resample_to(v, grid_, content), sides_, outside);
}

Volume CaseReader::inside() const {
  const Tensor ones = Tensor::full({grid_.size[2], grid_.size[1], grid_.size[0], 1}, 1);
  return crop_or_pad(make_volume(ones, grid_.affine), sides_, 0);
}

void CaseReader::normalise(const CaseInput& input, const Volume& image,
                           std::vector<std::vector<real>>& channels) const {
  Volume v = image;
  if (input.window) {
    v.values = Tensor::empty(image.values.shape());
    std::transform(image.values.data(), image.values.data() + image.values.numel(), v.values.mutable_data(),
                   [&](real x) {
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

}  // namespace medusa::datasets

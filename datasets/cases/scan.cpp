#include "datasets/cases/scan.h"

#include <algorithm>
#include <array>

#include "datasets/cases/reader.h"
#include "datasets/images/image.h"
#include "datasets/transforms/transforms.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

// For each axis i, j, k: which of the scan's voxels have their centre in a voxel of the network.
std::array<std::vector<bool>, 3> seen_along(const CaseScan& scan) {
  const Affine map = inverse(scan.seen.affine) * scan.own.affine;  // the scan's indices to the network's
  const Size3 size = size_of(scan.own);
  std::array<std::vector<bool>, 3> seen;
  for (std::size_t a = 0; a < 3; ++a)
    for (std::int64_t n = 0; n < size[a]; ++n) {
      constexpr double kEdge = 0.5 + 1e-6;
      const double at = map.m[a][3] + map.m[a][a] * static_cast<double>(n);
      seen[a].push_back(at > -kEdge && at < static_cast<double>(scan.seen.size[a] - 1) + kEdge);
    }
  return seen;
}

}  // namespace

CaseScan read_scan(const CasePlan& plan, const std::vector<std::string>& files, const Extent& size) {
  CaseReader reader(plan, size);
  const std::vector<std::vector<real>> planes = reader.images(files);
  const Shape shape =
      size.depth > 0 ? Shape{size.depth, size.height, size.width, 0} : Shape{size.height, size.width, 0};
  CaseScan scan;
  scan.name = files[0];
  scan.input = interleaved(planes, shape);
  scan.own = reader.first();
  scan.seen = grid_of(reader.inside());
  scan.picture = scan.own.file_shape.empty();
  for (const std::vector<bool>& axis : seen_along(scan))
    scan.seen_share *=
        static_cast<double>(std::count(axis.begin(), axis.end(), true)) / static_cast<double>(axis.size());
  return scan;
}

CaseScan read_whole_scan(const CasePlan& plan, const std::vector<std::string>& files, const std::string& axes) {
  const CaseInput& input = plan.inputs[0];
  const std::string& file = files[0];
  MEDUSA_CHECK_INPUT(plan.inputs.size() == 1 && input.window && plan.spacing.size() == 3,
                     "{}: the network's inputs are not those of one scan", file);
  CaseScan scan;
  scan.name = file;
  scan.fit = Fit::Whole;
  CaseFiles reader(plan.folder);
  scan.own = to_orientation(reader.read(file, false), axes, file);
  MEDUSA_CHECK_INPUT(scan.own.channels() == input.channels, "{}: has {} channels, expected {}", file,
                     scan.own.channels(), input.channels);
  check_finite(scan.own, file);
  const auto [low, high] = *input.window;
  const double mean = input.mean.empty() ? low : input.mean[0], std = input.mean.empty() ? high - low : input.std[0];
  Volume normal = scan.own;
  normal.values = scan.own.values.clone();
  change_values(&normal, [&, least = static_cast<real>(low), most = static_cast<real>(high)](real v) {
    return static_cast<real>((static_cast<double>(std::clamp(v, least, most)) - mean) / std);
  });
  const Volume seen = resample(normal, {plan.spacing[2], plan.spacing[1], plan.spacing[0]}, Content::Amounts);
  scan.input = seen.values;
  scan.seen = grid_of(seen);
  return scan;
}

CaseScan read_stretched_picture(const CasePlan& plan, const std::vector<std::string>& files, const Extent& size) {
  const CaseInput& input = plan.inputs[0];
  MEDUSA_CHECK_INPUT(plan.inputs.size() == 1 && input.channels == 3 && input.mean.size() == 3,
                     "{}: the network's inputs are not those of one RGB picture", files[0]);
  Normalisation normalisation;
  std::copy(input.mean.begin(), input.mean.end(), normalisation.mean.begin());
  std::copy(input.std.begin(), input.std.end(), normalisation.std.begin());
  const Image picture = to_rgb(read_image(files[0]));
  CaseScan scan;
  scan.name = files[0];
  scan.fit = Fit::Stretched;
  scan.picture = true;
  scan.input = to_input(resize(picture, size.width, size.height), normalisation);
  scan.own = make_volume(Tensor::empty({1, picture.height, picture.width, 1}), Affine{});
  return scan;
}

Volume on_own_grid(const CaseScan& scan, const Tensor& values, std::int64_t channel, real outside) {
  Volume out = channel_on(values, channel, scan.seen, scan.own);  // shares no values with others
  out.stored = ScalarType::Float32;
  out.unit = "";
  if (scan.fit == Fit::Whole) return out;
  const auto seen = seen_along(scan);
  real* to = out.values.mutable_data();
  for (std::size_t k = 0; k < seen[2].size(); ++k)
    for (std::size_t j = 0; j < seen[1].size(); ++j)
      for (std::size_t i = 0; i < seen[0].size(); ++i, ++to)
        if (!seen[0][i] || !seen[1][j] || !seen[2][k]) *to = outside;
  return out;
}

}  // namespace medusa::datasets

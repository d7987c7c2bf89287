#include "tools/predict/volume_predict.h"

#include <algorithm>
#include <filesystem>

#include "datasets/cases/plan_toml.h"
#include "datasets/formats/volume_file.h"
#include "datasets/volumes/resample.h"
#include "tensor/check.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;
using datasets::Content;
using datasets::Volume;

// Axes i, j, k are W, H, D of the tensor: OpenKBP's a2 to inferior, a1 to the left, a0 to posterior.
constexpr const char* kAxes = "ILP";
constexpr datasets::Vec3 kUsual{3.9, 3.9, 2.5};  // mm along D, H, W of most patients at 128^3

// The scan as the network sees it: cut before anything is blended, as the training's patients were.
Volume prepared(const Volume& scan, const KbpGrid& grid) {
  Volume cut = scan;
  cut.values = scan.values.clone();
  change_values(&cut, [](real hu) { return std::clamp(hu, real(-1024), real(1500)) / 1000; });
  return datasets::resample(cut, {grid.spacing[2], grid.spacing[1], grid.spacing[0]}, Content::Amounts);
}

}  // namespace

KbpGrid grid_of_run(const std::string& run_folder, std::int64_t side) {
  const std::string file = run_folder + "/dataset.toml";
  const double factor = static_cast<double>(datasets::openkbp::kSide / side);
  if (!fs::exists(file)) return {side, {kUsual[0] * factor, kUsual[1] * factor, kUsual[2] * factor}, false};
  const std::vector<double> mm = datasets::read_description(datasets::read_toml(file), file).plan.spacing;
  MEDUSA_CHECK_INPUT(mm.size() == 3, "{}: has no spacing", file);
  return {side, {mm[0], mm[1], mm[2]}, true};
}

std::string predict_volume(mtl::Model& model, const KbpGrid& grid, const std::string& file,
                           const mtl::SlidingWindow& window, const std::string& stem) {
  const Volume scan = datasets::to_orientation(datasets::read_volume(file), kAxes, file);
  MEDUSA_CHECK_INPUT(scan.channels() == 1, "{}: has {} channels, expected a CT of one", file, scan.channels());
  MEDUSA_CHECK_INPUT(model.config().in_channels == 1, "{}: the network needs outlines beside the CT, a scan has none",
                     file);
  const Volume seen = prepared(scan, grid);
  mtl::SlidingWindow used = window;
  if (used.size.empty()) used.size = {grid.side, grid.side, grid.side};
  const std::vector<Tensor> outputs =
      mtl::sliding_outputs(model, seen.values.reshape({1, seen.depth(), seen.height(), seen.width(), 1}), used);
  std::string line = fmt::format("{}:", file);
  for (std::size_t t = 0; t < outputs.size(); ++t) {
    const mtl::Task& task = model.tasks()[t];
    const bool dose = task.traits().in_units;
    for (std::int64_t c = 0; c < task.channels; ++c) {
      Volume out = datasets::channel_on(outputs[t], c, datasets::grid_of(seen), scan);
      out.stored = dose ? datasets::ScalarType::Float32 : datasets::ScalarType::UInt8;
      out.unit = dose ? task.unit : "";
      const real scale = static_cast<real>(task.scale);
      change_values(&out, [&](real v) { return dose ? std::max(real(0), v * scale) : v > 0 ? real(1) : real(0); });
      const std::string name = dose ? task.name : task.classes[static_cast<std::size_t>(c)];
      datasets::write_volume(fmt::format("{}_{}.nii.gz", stem, name), out);
      const real* values = out.values.data();
      if (dose)
        line +=
            fmt::format(" dose up to {:.1f} {};", *std::max_element(values, values + out.values.numel()), task.unit);
      else if (const auto n = std::count(values, values + out.values.numel(), real(1)); n > 0)
        line += fmt::format(" {} {} voxels;", name, n);
    }
  }
  return line;
}

}  // namespace medusa::tools

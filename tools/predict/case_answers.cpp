#include "tools/predict/case_answers.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "datasets/cases/plan_toml.h"
#include "datasets/formats/volume_file.h"
#include "datasets/images/draw.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/finite_check.h"
#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tools/cli/program.h"
#include "tools/predict/inputs.h"
#include "tools/report/picture.h"

namespace medusa::tools {
namespace {

using datasets::CaseScan;
using datasets::Image;
using datasets::Volume;

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

// Per voxel the number of its class, 0 where nothing was seen: of one channel 1 where the logit is positive.
Volume classes_of(const CaseScan& scan, const Tensor& logits) {
  const std::int64_t channels = logits.size(-1);
  Volume best = datasets::on_own_grid(scan, logits, 0, channels == 1 ? real(-1) : real(0));
  if (channels == 1) {
    change_values(&best, [](real v) { return v > 0 ? real(1) : real(0); });
    return best;
  }
  Volume classes = best;
  classes.values = Tensor::zeros(best.values.shape());
  for (std::int64_t c = 1; c < channels; ++c) {
    const Volume other = datasets::on_own_grid(scan, logits, c, std::numeric_limits<real>::lowest());
    real *most = best.values.mutable_data(), *to = classes.values.mutable_data();
    for (std::int64_t i = 0; i < other.values.numel(); ++i)
      if (other.values.data()[i] > most[i]) {
        most[i] = other.values.data()[i];
        to[i] = static_cast<real>(c);
      }
  }
  return classes;
}

// The smallest type that holds all of the numbers.
datasets::ScalarType type_for(const std::vector<double>& values) {
  const auto all = [&](double low, double high) {
    return std::all_of(values.begin(), values.end(),
                       [&](double v) { return v == std::floor(v) && v >= low && v <= high; });
  };
  return all(0, 255)          ? datasets::ScalarType::UInt8
         : all(-32768, 32767) ? datasets::ScalarType::Int16
                              : datasets::ScalarType::Float32;
}

// "12.3 cm3", or of a picture "4.5 % of the picture".
std::string extent(const CaseScan& scan, std::int64_t count) {
  if (scan.picture)
    return fmt::format("{:.1f} % of the picture",
                       100.0 * static_cast<double>(count) / static_cast<double>(scan.own.height() * scan.own.width()));
  return fmt::format("{:.1f} cm3", static_cast<double>(count) * std::abs(scan.own.affine.determinant()) / 1000);
}

Image picture_of(const Volume& v) {
  Image image(v.width(), v.height(), 1);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(v.values.data()[i]);
  return image;
}

// Whether the answer is a mask for each channel.
bool outlines(const mtl::Task& task) { return task.traits().channel_mask; }

// Names of the structures' files: the structure's, behind the task's where another file is called so.
std::map<std::string, std::vector<std::string>> names_of_structures(const std::vector<mtl::Task>& tasks) {
  std::multiset<std::string> all;
  for (const mtl::Task& task : tasks) {
    if (!outlines(task)) all.insert(task.name);
    for (std::int64_t c = 0; outlines(task) && c < task.channels; ++c)
      all.insert(file_name_of(class_name(task, place(c))));
  }
  std::map<std::string, std::vector<std::string>> names;
  for (const mtl::Task& task : tasks)
    for (std::int64_t c = 0; outlines(task) && c < task.channels; ++c) {
      const std::string name = file_name_of(class_name(task, place(c)));
      names[task.name].push_back(all.count(name) == 1 && name != "overlay" ? name : task.name + "_" + name);
    }
  return names;
}

}  // namespace

Image thumbnail(const Image& image) {
  const double factor = 240.0 / static_cast<double>(std::max({image.width, image.height, std::int64_t{240}}));
  const auto scaled = [factor](std::int64_t side) {
    return std::max<std::int64_t>(1, std::lround(factor * static_cast<double>(side)));
  };
  return datasets::resize(image, scaled(image.width), scaled(image.height));
}

datasets::CasePlan plan_of_run(const std::string& run_folder, const mtl::Model& model) {
  const std::string file = (std::filesystem::path(run_folder) / "dataset.toml").string();
  MEDUSA_CHECK_INPUT(
      std::filesystem::exists(file),
      "{}: there is no dataset.toml in it, which says how a scan becomes an input: the run is older than "
      "that; train --out {} --resume adds it",
      run_folder, run_folder);
  datasets::CasePlan plan = datasets::read_description(datasets::read_toml(file), file).plan;
  plan.name = run_folder;
  std::int64_t channels = 0;
  for (const datasets::CaseInput& input : plan.inputs) channels += input.channels;
  MEDUSA_CHECK_INPUT(channels == model.config().in_channels, "{}: its inputs have {} channels, the network takes {}",
                     file, channels, model.config().in_channels);
  for (const mtl::Task& task : model.tasks()) {
    const auto found = std::find_if(plan.targets.begin(), plan.targets.end(), [&](const datasets::CaseTarget& t) {
      return t.info.name == task.name && t.info.kind == task.kind && t.info.channels == task.channels;
    });
    MEDUSA_CHECK_INPUT(found != plan.targets.end(), "{}: has no target {} of kind {} with {} channels, as the network",
                       file, task.name, name(task.kind), task.channels);
  }
  return plan;
}

CasePredictor::CasePredictor(const std::string& run_folder, const RunOptions& run, Device device)
    : model_(mtl::load_model(mtl::RunFolder(run_folder).need(mtl::RunFile::Best))),
      plan_(plan_of_run(run_folder, *model_)),
      window_(window_of(run)),
      tables_(model_->tasks(), "case"),
      names_(names_of_structures(model_->tasks())) {
  const Size size = parse_size(run.size);
  size_ = {size.depth, size.height, size.width};
  MEDUSA_CHECK_INPUT(model_->config().spatial_dims == (pictures() ? 2 : 3),
                     "{}: its network takes {} axes, its size is {}", run_folder, model_->config().spatial_dims,
                     run.size);
  for (const datasets::CaseTarget& target : plan_.targets)
    if (target.info.traits().pixel_level && target.info.traits().exclusive)
      values_[target.info.name] = target.class_numbers();
  model_->to(device);
  model_->eval();
}

// As evaluate looks at a sample.
std::vector<Var> CasePredictor::outputs(const Tensor& input) {
  Shape shape{1};
  for (std::int64_t n : input.shape()) shape.push_back(n);
  const Tensor x = input.reshape(shape);
  if (window_.size.empty()) return outputs_on_host(*model_, x);
  std::vector<Var> outputs;
  for (const Tensor& y : mtl::sliding_outputs(*model_, x, window_)) outputs.emplace_back(y);
  return outputs;
}

std::string CasePredictor::write_map(const mtl::Task& task, const std::vector<double>& values, const Volume& classes,
                                     const CaseScan& scan, const std::string& file) {
  std::string line;
  const real *first = classes.values.data(), *last = first + classes.values.numel();
  for (std::size_t k = 1; k < values.size(); ++k) {
    const auto count = std::count(first, last, static_cast<real>(k));
    const std::string name = task.channels == 1 || outlines(task) ? "" : class_name(task, k) + " ";
    line += fmt::format(" {}{};", name, extent(scan, count));
    if (!scan.picture) continue;
    Image region(classes.width(), classes.height(), 1);
    for (std::size_t i = 0; i < region.pixels.size(); ++i)
      region.pixels[i] = first[i] == static_cast<real>(k) ? 255 : 0;
    datasets::draw_mask(overlay_, region, datasets::distinct_colour(colour_++), opacity_,
                        datasets::outline_width(overlay_));
  }
  Volume map = classes;
  map.stored = type_for(values);
  change_values(&map, [&](real k) { return static_cast<real>(values[static_cast<std::size_t>(k)]); });
  if (!scan.picture) {
    datasets::write_volume(file + ".nii.gz", map);
    return line;
  }
  MEDUSA_CHECK_INPUT(map.stored == datasets::ScalarType::UInt8,
                     "task {}: its classes have the numbers {}, a PNG can show 0 to 255", task.name,
                     fmt::join(values, ", "));
  datasets::write_png(file + ".png", picture_of(map));
  return line;
}

std::string CasePredictor::write(const mtl::Task& task, const Tensor& y, const CaseScan& scan,
                                 const std::string& stem) {
  const std::string file = fmt::format("{}_{}", stem, task.name);
  if (task.traits().exclusive) {
    const bool mask = task.channels == 1 && values_[task.name] == std::vector<double>{0, 1};
    return fmt::format(" {}", task.name) +
           write_map(task, scan.picture && mask ? std::vector<double>{0, 255} : values_[task.name], classes_of(scan, y),
                     scan, file);
  }
  std::string line;
  if (outlines(task)) {
    for (std::int64_t c = 0; c < task.channels; ++c) {
      Volume inside = datasets::on_own_grid(scan, y, c, -1);
      change_values(&inside, [](real v) { return v > 0 ? real(1) : real(0); });
      const std::string& name = names_[task.name][place(c)];
      line +=
          fmt::format(" {}", name) + write_map(task, {0, scan.picture ? 255.0 : 1.0}, inside, scan, stem + "_" + name);
    }
    return line;
  }
  Tensor all = Tensor::empty({scan.own.depth(), scan.own.height(), scan.own.width(), task.channels});
  Volume amounts;
  for (std::int64_t c = 0; c < task.channels; ++c) {
    amounts = datasets::on_own_grid(scan, y, c, 0);
    for (std::int64_t i = 0; i < amounts.values.numel(); ++i)
      all.mutable_data()[i * task.channels + c] = amounts.values.data()[i];
  }
  amounts.values = all;
  change_values(&amounts, [&](real v) { return v * static_cast<real>(task.scale); });
  amounts.unit = task.unit;
  datasets::write_volume(file + (scan.picture ? ".npy" : ".nii.gz"), amounts);
  const real* v = amounts.values.data();
  const auto [low, high] = std::minmax_element(v, v + amounts.values.numel());
  return fmt::format(" {} {:.4g} to {:.4g}{}{};", task.name, *low, *high, task.unit.empty() ? "" : " ", task.unit);
}

std::string CasePredictor::predict(const datasets::CaseRow& row, const std::string& out, double opacity) {
  const std::string file = file_name_of(row.id), &input = row.inputs[0];
  const auto [seen, fresh] = written_.emplace(file, input);
  MEDUSA_CHECK_INPUT(fresh, "{}: left out, its results would overwrite those of {}", input, seen->second);
  const CaseScan scan = datasets::read_scan(plan_, row.inputs, size_);
  const std::vector<Var> y = outputs(scan.input);
  opacity_ = opacity;
  colour_ = 0;
  if (scan.picture) overlay_ = datasets::to_rgb(datasets::read_image(input));
  std::string line = input + ":";
  for (std::size_t t = 0; t < y.size(); ++t) {
    const mtl::Task& task = model_->tasks()[t];
    MEDUSA_CHECK(mtl::finite(y[t].value()), "{}: the output of task {} is not finite", input, task.name);
    line +=
        task.traits().pixel_level ? write(task, y[t].value(), scan, out + "/" + file) : tables_.add(task, row.id, y[t]);
  }
  if (scan.seen_share < 1)
    line += fmt::format(" the network saw {:.0f} % of the scan, the rest is 0", 100 * scan.seen_share);
  if (colour_ > 0) {
    datasets::write_png(fmt::format("{}/{}_overlay.png", out, file), overlay_);
    if (overview_.size() < kOverviewPictures) overview_.push_back(thumbnail(overlay_));
  }
  return line;
}

void CasePredictor::finish(const std::string& out) const {
  tables_.write(out);
  if (overview_.size() > 1) datasets::write_png(out + "/overview.png", datasets::sheet(overview_, 4));
}

}  // namespace medusa::tools

#include "tools/predict/case_answers.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "datasets/formats/volume_file.h"
#include "datasets/images/draw.h"
#include "tensor/check.h"
#include "tools/predict/inputs.h"
#include "tools/report/picture.h"

namespace medusa::tools {
namespace {

using datasets::CaseScan;
using datasets::Image;
using datasets::Volume;

constexpr std::size_t kOverviewPictures = 12;

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

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

// Names of the structures' files: the structure's, after the task's if another file has that name.
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

// At most 240 pixels wide and high: for a sheet of several.
Image thumbnail(const Image& image) {
  const double factor = 240.0 / static_cast<double>(std::max({image.width, image.height, std::int64_t{240}}));
  const auto scaled = [factor](std::int64_t side) {
    return std::max<std::int64_t>(1, std::lround(factor * static_cast<double>(side)));
  };
  return datasets::resize(image, scaled(image.width), scaled(image.height));
}

}  // namespace

CaseWriter::CaseWriter(const mtl::Predictor& predictor, std::string out, double opacity)
    : tasks_(predictor.tasks()),
      out_(std::move(out)),
      opacity_(opacity),
      file_names_(predictor.fit() == datasets::Fit::Stretched),
      tables_(predictor.tasks(), file_names_ ? "image" : "case"),
      names_(names_of_structures(predictor.tasks())) {
  for (const datasets::CaseTarget& target : predictor.plan().targets)
    if (target.info.traits().pixel_level && target.info.traits().exclusive)
      values_[target.info.name] = target.class_numbers();
}

void CaseWriter::claim(const datasets::CaseRow& row) {
  const auto [seen, fresh] = written_.emplace(file_name_of(row.id), row.inputs[0]);
  MEDUSA_CHECK_INPUT(fresh, "{}: left out, its results would overwrite those of {}", row.inputs[0], seen->second);
}

std::vector<std::string> CaseWriter::files_of(const datasets::CaseRow& row) const {
  const std::string stem = file_name_of(row.id);
  std::vector<std::string> files{stem + "_overlay"};
  for (const mtl::Task& task : tasks_) {
    if (!task.traits().pixel_level) continue;
    if (!outlines(task)) files.push_back(stem + "_" + task.name);
    for (std::int64_t c = 0; outlines(task) && c < task.channels; ++c)
      files.push_back(stem + "_" + names_.at(task.name)[place(c)]);
  }
  return files;
}

void CaseWriter::check_names(const std::vector<datasets::CaseRow>& rows) const {
  std::map<std::string, const datasets::CaseRow*> owners;
  std::set<std::string> stems;
  for (const datasets::CaseRow& row : rows) {
    if (!stems.insert(file_name_of(row.id)).second) continue;  // which claim() refuses
    for (const std::string& file : files_of(row)) {
      const auto [owner, fresh] = owners.emplace(file, &row);
      MEDUSA_CHECK_INPUT(fresh, "{} and {}: both would be written to {}", owner->second->inputs[0], row.inputs[0],
                         file);
    }
  }
}

void CaseWriter::check_absent(const std::vector<datasets::CaseRow>& rows) const {
  std::vector<std::string> names{"overview.png"};
  for (const mtl::Task& task : tasks_) names.push_back(task.name + ".csv");
  for (const datasets::CaseRow& row : rows)
    for (const std::string& file : files_of(row))
      for (const char* end : {".png", ".nii.gz", ".npy"}) names.push_back(file + end);
  for (const std::string& name : names)
    MEDUSA_CHECK_INPUT(!std::filesystem::exists(out_ + "/" + name),
                       "--out {}: {} is there, and no earlier predict wrote it; choose another folder", out_, name);
}

std::string CaseWriter::write_map(const mtl::Answer& answer, const std::vector<double>& values, const Volume& classes,
                                  const std::string& file) {
  const mtl::Task& task = answer.task;
  const CaseScan& scan = *answer.scan;
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

std::string CaseWriter::write_structures(const mtl::Answer& answer, const std::string& stem) {
  std::string line;
  for (std::int64_t c = 0; c < answer.task.channels; ++c) {
    const Volume inside = answer.inside(c);
    const std::string& name = names_[answer.task.name][place(c)];
    const std::string text =
        write_map(answer, {0, answer.scan->picture ? 255.0 : 1.0}, inside, fmt::format("{}_{}", stem, name));
    const real* v = inside.values.data();
    const auto voxels = std::count(v, v + inside.values.numel(), real(1));
    if (answer.scan->fit != datasets::Fit::Whole)
      line += fmt::format(" {}{}", name, text);
    else if (voxels > 0)
      line += fmt::format(" {} {} voxels;", name, voxels);
  }
  return line;
}

std::string CaseWriter::write_amounts(const mtl::Answer& answer, const std::string& file) {
  const mtl::Task& task = answer.task;
  const Volume amounts = answer.amounts();
  datasets::write_volume(file + (answer.scan->picture ? ".npy" : ".nii.gz"), amounts);
  const real* v = amounts.values.data();
  const auto [low, high] = std::minmax_element(v, v + amounts.values.numel());
  if (std::isfinite(answer.least)) return fmt::format(" {} up to {:.1f} {};", task.name, *high, task.unit);
  return fmt::format(" {} {:.4g} to {:.4g}{}{};", task.name, *low, *high, task.unit.empty() ? "" : " ", task.unit);
}

std::string CaseWriter::write_task(const mtl::Answer& answer, const std::string& stem) {
  const mtl::Task& task = answer.task;
  const std::string file = fmt::format("{}_{}", stem, task.name);
  if (outlines(task)) return write_structures(answer, stem);
  if (task.traits().in_units) return write_amounts(answer, file);
  const bool mask = answer.scan->picture && task.channels == 1 && values_[task.name] == std::vector<double>{0, 1};
  return fmt::format(" {}", task.name) +
         write_map(answer, mask ? std::vector<double>{0, 255} : values_[task.name], answer.classes(), file);
}

std::string CaseWriter::write(const datasets::CaseRow& row, const std::vector<mtl::Answer>& answers) {
  const std::string file = file_name_of(row.id), &input = row.inputs[0];
  const CaseScan& scan = *answers[0].scan;
  colour_ = 0;
  if (scan.picture) overlay_ = datasets::to_rgb(datasets::read_image(input));
  std::string line = input + ":";
  for (const mtl::Answer& answer : answers)
    line += answer.task.traits().pixel_level
                ? write_task(answer, out_ + "/" + file)
                : tables_.add(answer, file_names_ ? std::filesystem::path(input).filename().string() : row.id);
  if (scan.seen_share < 1)
    line += fmt::format(" the network saw {:.0f} % of the scan, the rest is 0", 100 * scan.seen_share);
  if (colour_ > 0) {
    datasets::write_png(fmt::format("{}/{}_overlay.png", out_, file), overlay_);
    if (overview_.size() < kOverviewPictures) overview_.push_back(thumbnail(overlay_));
  }
  return line;
}

void CaseWriter::finish() const {
  tables_.write(out_);
  if (overview_.size() > 1) datasets::write_png(out_ + "/overview.png", datasets::sheet(overview_, 4));
}

}  // namespace medusa::tools

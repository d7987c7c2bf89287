// What training runs are made of.
#include "tools/cli/run_options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "datasets/layouts/registry.h"
#include "mtl/networks/backbone.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/program.h"

namespace medusa::tools {

std::string run_file(const std::string& run_folder, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(run_folder) / name;
  MEDUSA_CHECK_INPUT(std::filesystem::is_directory(run_folder), "{}: there is no such run folder", run_folder);
  MEDUSA_CHECK_INPUT(std::filesystem::exists(path), "{}: there is no {} in it; is it the folder of a run?", run_folder,
                     name);
  return path.string();
}

RunOptions read_run_options(const std::string& run_folder) {
  RunOptions options;
  CommandLine command("", "run");
  add_run_options(command, options);
  command.config_file("");
  try {
    command.parse({"--config", run_file(run_folder, "config.toml")});
    check(options);
  } catch (const InputError& error) {
    fail_input("{}/config.toml: {}", run_folder, error.what());
  }
  return options;
}

void complete(RunOptions* options) {
  if (options->size.empty()) options->size = datasets::default_size(options->dataset, options->data);
  if (options->widths.empty()) options->widths = mtl::default_widths(options->backbone);
}

void absolute_paths(RunOptions* options) {
  for (std::string* text : {&options->data, &options->pretrained, &options->cache_disk}) {
    if (text->empty()) continue;
    const std::filesystem::path path = std::filesystem::absolute(*text).lexically_normal();
    *text = (path.has_filename() ? path : path.parent_path()).string();  // "data/" is "data"
  }
}

datasets::PatchOptions patch_options(const RunOptions& options) {
  datasets::PatchOptions patch;
  patch.foreground = options.foreground;
  if (options.patch.empty()) return patch;
  const Size size = parse_size(options.patch, "--patch");
  if (size.depth > 0) patch.size.push_back(size.depth);
  patch.size.push_back(size.height);
  patch.size.push_back(size.width);
  return patch;
}

mtl::SlidingWindow window_of(const RunOptions& options) { return {patch_options(options).size, options.overlap}; }

datasets::DatasetOptions dataset_options(const RunOptions& options) {
  const Size size =
      parse_size(options.size.empty() ? datasets::default_size(options.dataset, options.data) : options.size);
  datasets::DatasetOptions result;
  result.name = options.dataset;
  result.folder = options.data;
  result.depth = size.depth;
  result.height = size.height;
  result.width = size.width;
  result.inputs = options.inputs;
  result.spacing = options.spacing;
  result.augment = options.augment;
  result.cache_bytes = options.cache_mib << 20;
  result.cache_folder = options.cache_disk;
  return result;
}

namespace {

std::string description_file(const datasets::Dataset& dataset) {
  const std::string text = dataset.description();
  return text.empty() ? "" : "# What goes into this run's network and what comes out of it.\n" + text;
}

// "'old line', the dataset now says 'new line'" for the first line that differs; "" where none does.
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream old_lines(before), new_lines(now);
  std::string was, is;
  while (old_lines || new_lines) {
    was = is = "";
    std::getline(old_lines, was);
    std::getline(new_lines, is);
    if (was != is) return fmt::format("'{}', the dataset now says '{}'", was, is);
  }
  return "";
}

}  // namespace

void keep_description(const std::string& run_folder, const datasets::Dataset& dataset) {
  const std::string now = description_file(dataset), path = run_folder + "/dataset.toml";
  if (now.empty()) return;
  if (!std::filesystem::exists(path)) return write_file(path, now);
  const std::string difference = first_difference(read_text_file(path), now);
  MEDUSA_CHECK_INPUT(difference.empty(), "{}: the run was begun with {}; start a new run to change it", path,
                     difference);
}

std::string changed_inputs(const std::string& run_folder, const datasets::Dataset& dataset) {
  const std::string now = description_file(dataset), path = run_folder + "/dataset.toml";
  if (now.empty() || !std::filesystem::exists(path)) return "";
  const auto inputs = [](const std::string& text) { return text.substr(0, text.find("\n[target.")); };
  return first_difference(inputs(read_text_file(path)), inputs(now));
}

std::string metrics_table(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation) {
  std::string table;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (const std::string& metric : mtl::all_metric_names(tasks[t])) {
      const double value = evaluation[t].metrics.at(metric);
      table += fmt::format("  {:<16} {:<18} {}{}\n", tasks[t].name, metric,
                           std::isnan(value) ? "-" : fmt::format("{:.4f}", value),
                           metric == "mae" && !tasks[t].unit.empty() ? " " + tasks[t].unit : "");
    }
  return table;
}

}  // namespace medusa::tools

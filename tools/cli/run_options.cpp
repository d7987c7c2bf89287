// What training runs are made of.
#include "tools/cli/run_options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "datasets/layouts/registry.h"
#include "mtl/networks/backbone.h"
#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tools/cli/program.h"

namespace medusa::tools {

RunOptions read_run_options(const std::string& run_folder) {
  RunOptions options;
  CommandLine command("", "run");
  add_run_options(command, options);
  command.config_file("");
  const mtl::RunFolder folder(run_folder);
  try {
    command.parse({"--config", folder.need(mtl::RunFile::Config)});
    check(options);
  } catch (const InputError& error) {
    fail_input("{}: {}", folder.file(mtl::RunFile::Config), error.what());
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

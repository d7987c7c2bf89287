// What training runs are made of.
#include "tools/common/run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "datasets/registry.h"
#include "mtl/backbone.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/common/main.h"

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

std::vector<mtl::Task> make_tasks(const datasets::Dataset& dataset, const std::vector<std::string>& names,
                                  std::vector<std::size_t>* target_of_task) {
  const auto& targets = dataset.targets();
  std::vector<std::string> known;
  for (const auto& target : targets) known.push_back(target.name);
  for (const std::string& name : names) check_one_of("--tasks", name, known);
  std::vector<mtl::Task> tasks;
  target_of_task->clear();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!names.empty() && std::find(names.begin(), names.end(), targets[i].name) == names.end()) continue;
    mtl::Task task;
    task.name = targets[i].name;
    task.kind = targets[i].kind;
    task.channels = targets[i].channels;
    task.classes = targets[i].classes;
    task.scale = targets[i].scale;
    task.unit = targets[i].unit;
    tasks.push_back(task);
    target_of_task->push_back(i);
  }
  return tasks;
}

std::vector<double> class_weights(const std::string& rule, const std::vector<std::int64_t>& counts) {
  if (rule == "none") return {};
  double total = 0;
  for (std::int64_t count : counts) total += static_cast<double>(count);
  std::vector<double> weights;
  for (std::int64_t count : counts) {
    const double inverse =
        total / static_cast<double>(std::max<std::int64_t>(count, 1)) / static_cast<double>(counts.size());
    weights.push_back(rule == "sqrt" ? std::sqrt(inverse) : inverse);
  }
  return weights;
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

void LoaderSource::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  upload_.drop();
  loader_.start_epoch(epoch, first_batch);
}

std::optional<datasets::Batch> LoaderSource::next() {
  if (!upload_.started() && !start()) return std::nullopt;
  return upload_.take();
}

void LoaderSource::prefetch() {
  if (!upload_.started() && loader_.ready()) start();
}

bool LoaderSource::start() {
  std::optional<datasets::Batch> batch = loader_.next();
  if (!batch) return false;
  std::vector<datasets::Target> targets;
  std::vector<std::vector<bool>> labelled;
  for (std::size_t target : target_of_task_) {
    targets.push_back(std::move(batch->targets[target]));
    labelled.push_back(std::move(batch->labelled[target]));
  }
  batch->targets = std::move(targets);
  batch->labelled = std::move(labelled);
  upload_.start(std::move(*batch));
  return true;
}

}  // namespace medusa::tools

// What training runs are made of.
#include "tools/cli/run_options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "datasets/layouts/registry.h"
#include "mtl/networks/backbone.h"
#include "mtl/training/dataset_tasks.h"
#include "mtl/training/selection.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/program.h"

namespace medusa::tools {

RunOptions::RunOptions() {
  schedule.name = "onecycle";
  schedule.lr = 2e-3;
}

namespace {

void declare_data(RunOptions& r, Options& o) {
  o.group("Data");
  o.add("data", r.data, "folder of the dataset, in the layout in which it is distributed").no_effect().same_for_all();
  o.add("dataset", r.dataset, "the dataset's layout").one_of(datasets::dataset_names()).same_for_all();
  o.add("size", r.size,
        fmt::format("HEIGHTxWIDTH in pixels that images are resized to, for volumes DEPTHxHEIGHTxWIDTH; default: {}",
                    datasets::default_sizes_text()));
  o.add("spacing", r.spacing,
        "stoic, prostate, folder: mm from voxel to voxel along depth, height, width, or one number for all; default: "
        "such that --size shows 384 mm (for folder what its dataset.toml says)");
  o.add("patch", r.patch,
        "train on pieces of this size, [DEPTHx]HEIGHTxWIDTH, and look at whole samples through a window of it");
  o.add("foreground", r.foreground, "--patch: fraction of the pieces placed around a structure or class, 0 to 1")
      .range(0, 1);
  o.add("overlap", r.overlap, "--patch: overlap of neighbouring windows, as a fraction of the side, 0 to 0.9")
      .range(0, 0.9);
  o.add("inputs", r.inputs,
        "openkbp: structures gives the network the outlines besides the CT, and leaves only the dose to predict");
  o.add("tasks", r.tasks, "names of the tasks to learn, comma-separated; default: all of the dataset").same_for_all();
  o.add("val-fraction", r.val_fraction,
        "fraction of the groups (lesions, patients) used for validation, 0 to 1; datasets distributed in parts keep "
        "those")
      .from_to_below(0, 1)
      .same_for_all();
  o.add("test-fraction", r.test_fraction, "fraction of the groups used for the final test, 0 to 1")
      .from_to_below(0, 1)
      .same_for_all();
  o.add("folds", r.fold.folds,
        "cross-validation: divide the groups into this many parts, stratified; part --fold is the test part, "
        "--val-fraction of the rest validates; 0: no folds")
      .at_least(0)
      .same_for_all();
  o.add("fold", r.fold.fold, "--folds: which part tests, from 0").at_least(0).same_for_all();
  o.add("fold-seed", r.fold.seed, "--folds: seed of the division, which --seed does not change").same_for_all();
  o.add("split-file", r.split_file,
        "CSV with the columns id (or group) and part (train, val, test): which sample is in which part")
      .no_effect()
      .same_for_all();
  o.add("cache-mib", r.cache_mib, "memory for decoded samples, MiB; 0: decode them each time")
      .range(0, 1e12)
      .no_effect();
  o.add("cache-disk", r.cache_disk,
        "all but ham10000: folder for decoded samples on disk, made if needed, which later runs may share; default: "
        "none")
      .no_effect();
  o.add("follow-outside", r.follow_outside, kFollowOutside).no_effect();
  o.add("workers", r.workers, "threads that prepare samples; 0: the training thread does it").range(0, 256).no_effect();
}

void declare_network(RunOptions& r, Options& o) {
  std::string known;
  for (const std::string& name : mtl::architectures())
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", name, mtl::find_architecture(name).help);
  o.group("Network");
  o.add("arch", r.arch, fmt::format("architecture: {}; help: their parts and options", known))
      .one_of(mtl::architectures(), false)
      .same_for_all();
  o.add("backbone", r.backbone, "encoder").one_of(mtl::backbones());
  o.add("norm", r.norm, "norm after every convolution; instance and group norm do not mix the samples of a batch")
      .one_of(nn::norms());
  o.add("widths", r.widths,
        "channels of each encoder level, outermost first, comma-separated (resnet: inside the blocks of its 4 stages); "
        "multiples of 16 are fastest; default: 16,32,64,128 for resunet, 64,128,256,512 for a resnet")
      .range(1, 65536)
      .at_most_values(12);
  o.add("pretrained", r.pretrained,
        "initial weights: the folder of another run, of which all is taken that fits by name, or a safetensors file "
        "with encoders in torchvision's names");
  o.add("fresh-heads", r.fresh_heads, "--pretrained RUN: leave the heads as they are made");
  for (const std::string& arch : mtl::architectures()) {
    o.group("Network", arch);
    o.prefix(arch + "-");
    mtl::find_architecture(arch).declare(o, r.arch_options[arch]);
  }
  o.prefix("");
}

void declare_training(RunOptions& r, Options& o) {
  o.group("Training");
  Option& epochs = o.add("epochs", r.epochs, "passes over the training set").at_least(1);
  if (nn::open_ended(r.schedule)) epochs.only_the_end();
  o.add("batch", r.batch, "samples per step").at_least(1);
  o.add("seed", r.seed, "seed of initial values, split, order and augmentation").same_for_all();
  r.schedule.declare(o);
  r.optimizer.declare(o);
  o.add("clip", r.clip, "largest L2 norm of an optimiser's gradients, larger ones are scaled down; 0: off").at_least(0);
  o.add("select", r.select,
        "the epoch whose weights count: one for all tasks, by the mean of their metrics' logarithms on the validation "
        "set; or one for each task that has a network of its own (stl); or the last")
      .one_of(mtl::selections())
      .same_for_all();
  o.add("patience", r.patience, "stop after this many epochs without a better validation result; 0: never")
      .at_least(0)
      .only_the_end();
  o.add("loss", r.losses,
        "losses of tasks, comma-separated, such as lesion=dice+0.5*focal; default: the dataset's or that of the task's "
        "kind; help: lists them");
  o.add("loss-weight", r.loss_weights, "factors of tasks in the sum of losses, comma-separated, such as lesion=2");
  o.add("class-weights", r.class_weights,
        "weights of the classes in the classification loss (inverse: 1 / frequency, sqrt: its root)")
      .one_of(mtl::class_weight_rules());
  o.add("weighted-sampling", r.weighted_sampling, "draw samples of rare classes more often, with replacement");
}

Options rows_of(RunOptions& options) {
  Options rows;
  options.declare(rows);
  return rows;
}

}  // namespace

void RunOptions::declare(Options& o) {
  declare_data(*this, o);
  declare_network(*this, o);
  declare_training(*this, o);
  balancing.declare(o);
  o.group("Augmentation of the training images");
  o.add("no-augment", no_augment, "train on the images as they are");
  augment.declare(o);
  o.group("Run");
  o.add("threads", threads, "threads that compute; 0: all the machine has. Results do not depend on it")
      .range(0, 1024)
      .no_effect();
  device.declare(o);
  o.add("save-every", save_every, "seconds between saves within an epoch; 0: only at its end").at_least(0).no_effect();
}

void add_run_options(CommandLine& command, RunOptions& options) { command.add(rows_of(options)); }

void check(const RunOptions& options) {
  RunOptions copy = options;
  rows_of(copy).check("--");
  options.balancing.check("--");
  const datasets::Fold& fold = options.fold;
  MEDUSA_CHECK_INPUT(fold.folds != 1, "--folds 1: expected 2 or more, or 0 for none");
  MEDUSA_CHECK_INPUT(fold.fold < std::max<std::int64_t>(fold.folds, 1), "--fold {}: expected {}", fold.fold,
                     fold.folds == 0 ? "--folds with it" : fmt::format("0 to {}", fold.folds - 1));
  MEDUSA_CHECK_INPUT(fold.folds == 0 || options.split_file.empty(),
                     "--split-file: says the parts, and --folds {} would make others", fold.folds);
  if (!options.size.empty()) size_of(options);
  patch_of(options);
}

std::vector<ConfigEntry> config_entries(const RunOptions& options) {
  RunOptions copy = options;
  const Options rows = rows_of(copy);
  std::vector<ConfigEntry> entries;
  for (const Option& row : rows.rows()) entries.push_back({row, toml_text(row.value())});
  return entries;
}

std::string config_text(const RunOptions& options) {
  std::string text;
  for (const ConfigEntry& entry : config_entries(options))
    if (!entry.value.empty())  // an empty list is the default, and cannot be written
      text += fmt::format("# {}\n{} = {}\n\n", entry.help, entry.name, entry.value);
  return text;
}

std::optional<ConfigChange> first_change(const RunOptions& before, const RunOptions& now,
                                         const std::function<bool(const OptionRow&)>& may_change) {
  const std::vector<ConfigEntry> then = config_entries(before), later = config_entries(now);
  for (std::size_t i = 0; i < then.size(); ++i)
    if (then[i].value != later.at(i).value && !may_change(then[i]))
      return ConfigChange{then[i].name, then[i].value, later[i].value};
  return std::nullopt;
}
std::vector<std::string> without_effect(const RunOptions& options) {
  const std::vector<ConfigEntry> entries = config_entries(options), defaults = config_entries(RunOptions());
  const std::vector<std::string> architectures = mtl::architectures(),
                                 of_method = mtl::balancing_options(options.balancing.name);
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const ConfigEntry& entry = entries[i];
    if (entry.value == defaults.at(i).value) continue;
    if (has(architectures, entry.owner) && entry.owner != options.arch)
      lines.push_back(fmt::format("--{} has no effect: the architecture is {}", entry.name, options.arch));
    if (entry.owner == "balancing" && entry.name != "balancing" && !has(of_method, entry.name))
      lines.push_back(fmt::format("--{} has no effect: the balancing is {}", entry.name, options.balancing.name));
    if (entry.name == "test-fraction" && options.fold.folds > 0)
      lines.push_back(fmt::format("--{} has no effect: --fold is the test part", entry.name));
    if (entry.name == "fold-seed" && options.fold.folds == 0)
      lines.push_back(fmt::format("--{} has no effect without --folds", entry.name));
    if ((entry.name == "val-fraction" || entry.name == "test-fraction") && !options.split_file.empty())
      lines.push_back(fmt::format("--{} has no effect: --split-file says the parts", entry.name));
  }
  return lines;
}

namespace {

RunOptions options_in(const mtl::RunFolder& folder) {
  RunOptions options;
  CommandLine command("", "run");
  add_run_options(command, options);
  command.config_file("");
  try {
    command.parse({"--config", folder.need(mtl::RunFile::Config)});
    check(options);
  } catch (const InputError& error) {
    const std::string file = folder.file(mtl::RunFile::Config), what = error.what();
    fail_input("{}{}", what.starts_with(file) ? "" : file + ": ", what);
  }
  set_older_defaults(folder, &options);
  return options;
}

}  // namespace

void set_older_defaults(const mtl::RunFolder& folder, RunOptions* options) {
  if (folder.option("select").empty()) options->select = "mean";
}

RunOptions read_run_options(const std::string& run_folder) {
  const mtl::RunFolder folder(run_folder);
  const RunOptions options = options_in(folder);
  if (!folder.has(mtl::RunFile::Provenance))
    print_error_line(
        fmt::format("note: {} has no {}, an older version made it: its samples and files cannot be checked", run_folder,
                    mtl::RunFolder::name(mtl::RunFile::Provenance)));
  std::map<std::string, std::string> values;
  for (const ConfigEntry& entry : config_entries(options))
    if (entry.effect == OptionRow::Effect::Result) values[entry.name] = entry.value;
  folder.check_options(values);
  return options;
}

void save_config(const mtl::RunFolder& folder, const RunOptions& options) {
  const std::string file = folder.file(mtl::RunFile::Config);
  const std::optional<std::string> before =
      folder.has(mtl::RunFile::Config) ? std::optional(read_text_file(file)) : std::nullopt;
  folder.save(mtl::RunFile::Config, config_text(options));
  try {
    const auto change = first_change(options, options_in(folder), [](const OptionRow&) { return false; });
    MEDUSA_CHECK_INPUT(!change, "{}: cannot keep --{} {}: it is read back as {}", file, change->name, change->before,
                       change->now);
  } catch (...) {
    if (before) folder.save(mtl::RunFile::Config, *before);
    if (!before) std::filesystem::remove(file);
    throw;
  }
}

void complete(RunOptions* options) {
  if (options->size.empty()) options->size = size_of(*options).text();
  if (options->widths.empty()) options->widths = mtl::default_widths(options->backbone);
}

void absolute_paths(RunOptions* options) {
  for (std::string* text : {&options->data, &options->pretrained, &options->cache_disk, &options->split_file}) {
    if (text->empty()) continue;
    const std::filesystem::path path = std::filesystem::absolute(*text).lexically_normal();
    *text = (path.has_filename() ? path : path.parent_path()).string();  // "data/" is "data"
  }
}

datasets::Extent size_of(const RunOptions& options) {
  return options.size.empty() ? datasets::default_size(options.dataset, options.data)
                              : datasets::Extent::parse(options.size, "--size");
}

datasets::Extent patch_of(const RunOptions& options) {
  return options.patch.empty() ? datasets::Extent() : datasets::Extent::parse(options.patch, "--patch");
}

datasets::PatchOptions patch_options(const RunOptions& options) { return {patch_of(options), options.foreground}; }

mtl::SlidingWindow window_of(const RunOptions& options) { return {patch_options(options).size, options.overlap}; }

datasets::DatasetOptions dataset_options(const RunOptions& options) {
  datasets::DatasetOptions result;
  result.name = options.dataset;
  result.folder = options.data;
  result.size = size_of(options);
  result.inputs = options.inputs;
  result.spacing = options.spacing;
  result.augment = options.augment;
  result.cache_bytes = options.cache_mib << 20;
  result.cache_folder = options.cache_disk;
  result.follow_outside = options.follow_outside;
  return result;
}

datasets::Split make_split(const RunOptions& o, const datasets::Dataset& dataset, bool for_training) {
  if (!o.split_file.empty()) return datasets::read_split(dataset, o.split_file);
  if (o.fold.folds > 0) return datasets::make_fold(dataset, o.fold, o.val_fraction, for_training);
  return datasets::make_split(dataset, o.seed, o.val_fraction, o.test_fraction, for_training);
}

namespace {

std::string value_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); }

// Whether a metric of a single class or structure stands in a table of its own: Dice has a line for each structure.
bool has_table(const std::string& metric) { return !metric.starts_with("dice."); }

// The other metrics of single classes: a line for each class, a column for each metric.
std::string class_table(const mtl::Task& task, const mtl::MetricValues& values) {
  std::vector<std::string> stems, names = mtl::names_in_order(task, values);
  for (const std::string& name : names)
    if (const std::size_t dot = name.find('.'); dot != std::string::npos && has_table(name))
      if (const std::string stem = name.substr(0, dot); stems.empty() || stems.back() != stem) stems.push_back(stem);
  if (stems.empty()) return "";
  std::string table = fmt::format("  {:<16}", printable(task.name));
  for (const std::string& stem : stems) table += fmt::format(" {:>{}}", stem, std::max<std::size_t>(stem.size(), 7));
  table += "\n";
  for (std::int64_t c = 0; c < task.channels; ++c) {
    const std::string label = mtl::class_label(task, c);
    std::string line;
    bool any = false;
    for (const std::string& stem : stems) {
      const auto value = values.find(stem + "." + label);
      any = any || value != values.end();
      line += fmt::format(" {:>{}}", value == values.end() ? "" : value_text(value->second),
                          std::max<std::size_t>(stem.size(), 7));
    }
    if (any) table += fmt::format("    {:<14}{}\n", printable(label), line);
  }
  return table;
}

}  // namespace

std::string metrics_table(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation) {
  std::string table, classes;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    for (const std::string& metric : mtl::names_in_order(tasks[t], evaluation[t].metrics))
      if (metric.find('.') == std::string::npos || !has_table(metric))
        table +=
            fmt::format("  {:<16} {:<18} {}{}\n", printable(tasks[t].name), printable(metric),
                        value_text(evaluation[t].metrics.at(metric)),
                        mtl::metric(metric).in_units && !tasks[t].unit.empty() ? " " + printable(tasks[t].unit) : "");
    classes += class_table(tasks[t], evaluation[t].metrics);
  }
  return table + classes;
}

}  // namespace medusa::tools

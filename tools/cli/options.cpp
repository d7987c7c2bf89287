// Options of training runs: the command line, config files, what is in range.
#include <algorithm>
#include <cmath>
#include <vector>

#include "datasets/layouts/registry.h"
#include "mtl/networks/backbone.h"
#include "tensor/check.h"
#include "tools/cli/program.h"
#include "tools/cli/run_options.h"

namespace medusa::tools {

RunOptions::RunOptions() {
  schedule.name = "onecycle";
  schedule.lr = 2e-3;
}

namespace {

// How a value is written in a config file: such that reading it gives the same value, to the last bit.
std::string toml(const std::string& value) {
  const char quote = value.find('"') == std::string::npos ? '"' : '\'';
  MEDUSA_CHECK_INPUT(value.find(quote) == std::string::npos && value.find('\n') == std::string::npos,
                     "{}: a name with both kinds of quotes or a line break cannot be kept in a config file", value);
  return quote + value + quote;
}
std::string toml(bool value) { return value ? "true" : "false"; }
template <class T>
std::string toml(const T& value) {
  return fmt::format("{}", value);
}
template <class T>
std::string toml(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "[" : ", ") + toml(value);
  return text.empty() ? "" : text + "]";
}

// Registers options with an app, and remembers the values they have at that moment as lines of a config file.
struct OptionList {
  struct Entry {
    std::string name, help, value;
  };
  CommandLine& command;
  std::vector<Entry> entries;

  template <class T>
  void add(const std::string& name, T& value, const std::string& help) {
    command.option("--" + name, value, help).last_counts();
    entries.push_back({name, help, toml(value)});
  }
  template <class T>
  void add(const std::string& name, std::vector<T>& values, const std::string& help) {
    command.option("--" + name, values, help).split_at_comma();
    entries.push_back({name, help, toml(values)});
  }
  void add(const std::string& name, bool& value, const std::string& help) {
    if (value)  // on by default: --name false switches it off
      command.option("--" + name, value, help).last_counts();
    else
      command.flag("--" + name, value, help).last_counts();
    entries.push_back({name, help, toml(value)});
  }
};

void add_data_options(OptionList& list, RunOptions& o) {
  list.command.group("Data");
  list.add("data", o.data, "folder of the dataset, in the layout in which it is distributed");
  list.add("dataset", o.dataset, fmt::format("the dataset's layout: {}", fmt::join(datasets::dataset_names(), ", ")));
  list.add("size", o.size,
           "HEIGHTxWIDTH in pixels that images are resized to, of volumes DEPTHxHEIGHTxWIDTH; none given: 96x128 for "
           "ham10000, 64x64x64 for openkbp, stoic and prostate, for folder what its dataset.toml says");
  list.add("spacing", o.spacing,
           "stoic, prostate, folder: mm from voxel to voxel along depth, height, width, or one number for all; none "
           "given: such that "
           "--size shows 384 mm (of folder what its dataset.toml says)");
  list.add("patch", o.patch,
           "train on pieces of this size, [DEPTHx]HEIGHTxWIDTH, and look at whole samples through a window of it");
  list.add("foreground", o.foreground, "--patch: part of the pieces that lie about a structure or class, 0 to 1");
  list.add("overlap", o.overlap, "--patch: of neighbouring windows, as part of the side, 0 to 0.9");
  list.add("inputs", o.inputs,
           "openkbp: structures gives the network the outlines beside the CT, and leaves only the dose to predict");
  list.add("tasks", o.tasks, "names of the tasks to learn, comma-separated; none given: all of the dataset");
  list.add("val-fraction", o.val_fraction,
           "part of the groups (lesions, patients) kept for validation, 0 to 1; datasets that are distributed in parts "
           "keep those");
  list.add("test-fraction", o.test_fraction, "part of the groups kept for the final test, 0 to 1");
  list.add("cache-mib", o.cache_mib, "memory for decoded samples, MiB; 0: decode anew each time");
  list.add(
      "cache-disk", o.cache_disk,
      "all but ham10000: folder for decoded samples on disk, made if needed, which later runs may share; none given: "
      "none");
  list.add("workers", o.workers, "threads that prepare samples; 0: the training thread does it");
}

void add_network_options(OptionList& list, RunOptions& o) {
  list.command.group("Network");
  list.add(
      "arch", o.arch,
      "architecture: stl (a network per task), hps (one encoder, a decoder or head per task), mtan (and a "
      "mask per task) or ctan (the other tasks' masks, cross-task attention at the bottleneck); help: their parts");
  list.add("backbone", o.backbone, "encoder: resunet, resnet18, resnet34 or resnet50");
  list.add("widths", o.widths,
           "channels of each encoder level, outermost first, comma-separated (of a resnet: inside the blocks of its 4 "
           "stages); multiples of 16 are fastest; none given: 16,32,64,128 for resunet, 64,128,256,512 for a resnet");
  list.add("pretrained", o.pretrained, "safetensors file to begin the encoders with, in torchvision's names");
  list.add("ctan-attention", o.ctan_attention, "ctan's bottleneck: spatial (places) or channel attention");
  list.add("ctan-scale", o.ctan_scale, "ctan's bottleneck: divide the scores by sqrt(d)");
  list.add("ctan-projections", o.ctan_projections, "ctan's bottleneck: none or linear (learned Q, K, V)");
  list.add("ctan-parts", o.ctan_parts, "ctan's attention: both, encoder (masks alone) or bottleneck (alone)");
  list.add("ctan-residual", o.ctan_residual, "ctan's bottleneck: add to the task's own features");
}

void add_training_options(OptionList& list, RunOptions& o) {
  list.command.group("Training");
  list.add("epochs", o.epochs, "passes over the training set");
  list.add("batch", o.batch, "samples per step");
  list.add("seed", o.seed, "of initial values, split, order and augmentation");
  list.add("lr", o.schedule.lr, "learning rate; with onecycle the largest one");
  list.add("schedule", o.schedule.name, "learning rate over time: constant, step, cosine, poly or onecycle");
  list.add("warmup", o.schedule.warmup, "steps of linear warm-up (not for onecycle)");
  list.add("milestones", o.schedule.milestones, "step: the steps after which the rate is multiplied by --gamma");
  list.add("gamma", o.schedule.gamma, "step: the factor");
  list.add("power", o.schedule.power, "poly: the exponent");
  list.add("min-lr", o.schedule.min_lr, "cosine, poly: the rate at the end");
  list.add("optimizer", o.optimizer.name, "sgd, adam or adamw");
  list.add("weight-decay", o.optimizer.weight_decay, "weight decay (adamw: decoupled; else added to the gradient)");
  list.add("momentum", o.optimizer.momentum, "sgd: momentum, 0 to 1");
  list.add("nesterov", o.optimizer.nesterov, "sgd: Nesterov momentum");
  list.add("clip", o.clip, "largest L2 norm of the gradients of an optimiser, larger ones are scaled down; 0: off");
  list.add("patience", o.patience, "stop after so many epochs without a better validation result; 0: never");
  list.add("class-weights", o.class_weights,
           "weights of the classes in the classification loss: none, inverse (1 / frequency) or sqrt (its root)");
  list.add("weighted-sampling", o.weighted_sampling, "draw samples of rare classes more often, with replacement");
}

void add_balancing_options(OptionList& list, mtl::BalanceOptions& o) {
  list.add("balancing", o.name,
           fmt::format("how the tasks are weighed against each other: {}", fmt::join(mtl::balancing_methods(), ", ")));
  list.add("task-weights", o.fixed, "balancing fixed: a weight for each task's loss, comma-separated");
  list.add("dwa-temperature", o.temperature, "balancing dwa: larger is closer to equal weights");
  list.add("gradnorm-alpha", o.alpha, "balancing gradnorm: how much more a task gets that learns slowly");
  list.add("cagrad-c", o.c, "balancing cagrad: how far from the mean gradient, 0 (not at all) to 1");
  list.add("balancing-lr", o.lr, "balancing uw, gradnorm, famo: learning rate of the weights");
  list.add("famo-decay", o.decay, "balancing famo: weight decay of the weights' logits");
}

void add_augment_options(OptionList& list, RunOptions& o) {
  list.command.group("Augmentation of the training images");
  list.add("no-augment", o.no_augment, "train on the images as they are");
  list.add("flip-horizontal", o.augment.horizontal_flip, "probability of a left-right flip");
  list.add("flip-vertical", o.augment.vertical_flip, "probability of an up-down flip; of pictures, volumes have none");
  list.add("rotation", o.augment.rotation, "random rotation, up to so many degrees either way");
  list.add("scale", o.augment.scale, "random zoom by a factor in 1 - x to 1 + x");
  list.add("translation", o.augment.translation, "random shift, up to this part of the side");
  list.add("brightness", o.augment.brightness, "ham10000: random brightness factor in 1 - x to 1 + x");
  list.add("contrast", o.augment.contrast, "ham10000: random contrast factor in 1 - x to 1 + x");
  list.add("saturation", o.augment.saturation, "ham10000: random saturation factor in 1 - x to 1 + x");
  list.add("elastic", o.augment.elastic, "random smooth deformation, up to this part of the side; at most 0.1");
  list.add("noise", o.augment.noise,
           "standard deviation of noise: of ham10000's pictures a part of black to white, else in the input's units");
  list.add("gamma-range", o.augment.gamma, "random power of the intensities, in 1 / (1 + x) to 1 + x");
  list.add("hue", o.augment.hue, "ham10000: random hue shift, up to this part of the colour circle");
}

void check_at_least(const char* option, double value, double least) {
  MEDUSA_CHECK_INPUT(value >= least && std::isfinite(value), "{} {}: expected {} or more", option, value, least);
}

OptionList add_all(CommandLine& command, RunOptions& options) {
  OptionList list{command, {}};
  add_data_options(list, options);
  add_network_options(list, options);
  add_training_options(list, options);
  add_balancing_options(list, options.balancing);
  add_augment_options(list, options);
  command.group("Run");
  list.add("threads", options.threads, "threads that compute; 0: all the machine has. Results do not depend on it");
  list.add("device", options.device.device, kDeviceHelp);
  list.add("tf32", options.device.tf32, kTf32Help);
  list.add("save-every", options.save_every, "seconds between saves within an epoch; 0: only at its end");
  return list;
}

std::vector<OptionList::Entry> entries_of(const RunOptions& options) {
  RunOptions copy = options;
  CommandLine command("", "run");
  return add_all(command, copy).entries;
}

void check_balancing(const mtl::BalanceOptions& o) {
  check_one_of("--balancing", o.name, mtl::balancing_methods());
  MEDUSA_CHECK_INPUT((o.name == "fixed") == !o.fixed.empty(), "{}",
                     o.name == "fixed" ? "--balancing fixed: --task-weights is missing"
                                       : "--task-weights: only with --balancing fixed");
  for (double w : o.fixed) check_at_least("--task-weights", w, 0);
  MEDUSA_CHECK_INPUT(o.temperature > 0 && std::isfinite(o.temperature), "--dwa-temperature {}: expected more than 0",
                     o.temperature);
  check_at_least("--gradnorm-alpha", o.alpha, 0);
  MEDUSA_CHECK_INPUT(o.c >= 0 && o.c <= 1, "--cagrad-c {}: expected 0 to 1", o.c);
  check_at_least("--balancing-lr", o.lr, 0);
  check_at_least("--famo-decay", o.decay, 0);
}

}  // namespace

void add_run_options(CommandLine& command, RunOptions& options) { add_all(command, options); }

void check(const RunOptions& o) {
  if (!o.size.empty()) parse_size(o.size);
  if (!o.patch.empty()) parse_size(o.patch, "--patch");
  MEDUSA_CHECK_INPUT(o.foreground >= 0 && o.foreground <= 1, "--foreground {}: expected 0 to 1", o.foreground);
  MEDUSA_CHECK_INPUT(o.overlap >= 0 && o.overlap <= 0.9, "--overlap {}: expected 0 to 0.9", o.overlap);
  check_one_of("--arch", o.arch, mtl::architectures());
  check_one_of("--backbone", o.backbone, mtl::backbones());
  check_one_of("--ctan-attention", o.ctan_attention, {"spatial", "channel"});
  check_one_of("--ctan-projections", o.ctan_projections, {"none", "linear"});
  check_one_of("--ctan-parts", o.ctan_parts, {"both", "encoder", "bottleneck"});
  check_one_of("--class-weights", o.class_weights, {"none", "inverse", "sqrt"});
  check_one_of("--optimizer", o.optimizer.name, {"sgd", "adam", "adamw"});
  check_one_of("--schedule", o.schedule.name, {"constant", "step", "cosine", "poly", "onecycle"});
  MEDUSA_CHECK_INPUT(o.widths.size() <= 12, "--widths: expected 1 to 12 numbers, found {}", o.widths.size());
  for (std::int64_t width : o.widths)
    MEDUSA_CHECK_INPUT(width >= 1 && width <= 65536, "--widths: {} is outside 1..65536", width);
  check_at_least("--epochs", static_cast<double>(o.epochs), 1);
  check_at_least("--batch", static_cast<double>(o.batch), 1);
  MEDUSA_CHECK_INPUT(o.schedule.lr > 0 && std::isfinite(o.schedule.lr), "--lr {}: expected more than 0", o.schedule.lr);
  check_at_least("--min-lr", o.schedule.min_lr, 0);
  check_at_least("--warmup", static_cast<double>(o.schedule.warmup), 0);
  check_at_least("--weight-decay", o.optimizer.weight_decay, 0);
  MEDUSA_CHECK_INPUT(o.optimizer.momentum >= 0 && o.optimizer.momentum < 1,
                     "--momentum {}: expected 0 or more, below 1", o.optimizer.momentum);
  check_balancing(o.balancing);
  check_at_least("--clip", o.clip, 0);
  check_at_least("--patience", static_cast<double>(o.patience), 0);
  check_at_least("--cache-mib", static_cast<double>(o.cache_mib), 0);
  check_at_least("--save-every", o.save_every, 0);
  MEDUSA_CHECK_INPUT(o.val_fraction >= 0 && o.val_fraction < 1, "--val-fraction {}: expected 0 or more, below 1",
                     o.val_fraction);
  MEDUSA_CHECK_INPUT(o.test_fraction >= 0 && o.test_fraction < 1, "--test-fraction {}: expected 0 or more, below 1",
                     o.test_fraction);
  MEDUSA_CHECK_INPUT(o.workers >= 0 && o.workers <= 256, "--workers {}: expected 0 to 256", o.workers);
  MEDUSA_CHECK_INPUT(o.threads >= 0 && o.threads <= 1024, "--threads {}: expected 0 to 1024", o.threads);
  datasets::check(o.augment);
}

bool decides_result(const std::string& option) {
  static const std::vector<std::string> free{"data",      "threads",    "device",   "tf32",      "workers",
                                             "cache-mib", "cache-disk", "patience", "save-every"};
  return std::find(free.begin(), free.end(), option) == free.end();
}

std::string config_text(const RunOptions& options) {
  std::string text;
  for (const OptionList::Entry& entry : entries_of(options))
    if (!entry.value.empty())  // an empty list is the default, and cannot be written
      text += fmt::format("# {}\n{} = {}\n\n", entry.help, entry.name, entry.value);
  return text;
}

std::map<std::string, std::string> config_entries(const RunOptions& options) {
  std::map<std::string, std::string> entries;
  for (const OptionList::Entry& entry : entries_of(options)) entries[entry.name] = entry.value;
  return entries;
}

}  // namespace medusa::tools

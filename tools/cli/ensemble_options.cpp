#include "tools/cli/ensemble_options.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "datasets/cases/plan_toml.h"
#include "datasets/layouts/openkbp.h"
#include "mtl/networks/model_file.h"
#include "tensor/check.h"
#include "tools/cli/program.h"

namespace medusa::tools {
namespace {

using mtl::RunFile;
using mtl::RunFolder;

std::unique_ptr<mtl::Model> load_member(const RunFolder& files, const RunOptions& run) {
  const std::string weights = files.need(RunFile::Best);
  auto model = mtl::load_model(weights);
  MEDUSA_CHECK_INPUT(model->config().arch == run.arch, "{}: holds a network of architecture {}, the run is of {}",
                     weights, model->config().arch, run.arch);
  files.check_weights();
  return model;
}

// Which axes training flipped: those whose flip had a chance.
bool flips_sideways(const RunOptions& run) { return !run.no_augment && run.augment.horizontal_flip > 0; }
bool flips_upside_down(const RunOptions& run) {
  return !run.no_augment && run.augment.vertical_flip > 0 && size_of(run).depth == 0;  // volumes have no such flip
}
std::string flips_text(const RunOptions& run) {
  const bool sideways = flips_sideways(run), upside_down = flips_upside_down(run);
  return sideways && upside_down ? "left-right and up-down"
         : sideways              ? "left-right"
         : upside_down           ? "up-down"
                                 : "none";
}

// In what `other` cannot be averaged with `first`; "" if it can.
std::string difference(const RunOptions& first, const RunOptions& other, bool flips) {
  const auto window = [](const RunOptions& run) {
    return run.patch.empty() ? "none" : fmt::format("{} with overlap {:g}", patch_of(run).text(), run.overlap);
  };
  const std::array<std::array<std::string, 3>, 5> rows{{
      {"dataset", other.dataset, first.dataset},
      {"size", size_of(other).text(), size_of(first).text()},
      {"inputs", fmt::format("{}", fmt::join(other.inputs, ",")), fmt::format("{}", fmt::join(first.inputs, ","))},
      {"patch", window(other), window(first)},
      {"flips in training", flips ? flips_text(other) : "", flips ? flips_text(first) : ""},
  }};
  for (const auto& [name, has, expected] : rows)
    if (has != expected) return fmt::format("{} '{}', expected '{}'", name, has, expected);
  return "";
}

// A run that is given twice would count twice.
void check_different(const std::vector<std::string>& folders) {
  std::set<std::filesystem::path> seen;
  for (const std::string& folder : folders)
    MEDUSA_CHECK_INPUT(seen.insert(std::filesystem::weakly_canonical(folder)).second, "--ensemble: {} is given twice",
                       folder);
}

void check_alike(const RunFolder& first, const RunOptions& run, const RunFolder& other, const RunOptions& other_run,
                 bool flips) {
  const std::string options = difference(run, other_run, flips);
  MEDUSA_CHECK_INPUT(options.empty(), "--ensemble: {} cannot be averaged with {}: {}", other.path(), first.path(),
                     options);
  const std::string inputs = first.other_description(other);
  MEDUSA_CHECK_INPUT(inputs.empty(), "--ensemble: {} cannot be averaged with {}: its inputs or answers differ: {}",
                     other.path(), first.path(), inputs);
}

// OpenKBP's patients have a right and a left parotid, as answers or, behind the CT, as inputs.
void swap_parotids(const mtl::ModelConfig& config, mtl::Flips* flips) {
  const std::size_t right = datasets::openkbp::kRightParotid, left = datasets::openkbp::kLeftParotid;
  if (config.in_channels > 1) flips->inputs = {{1 + right, 1 + left}};
  for (const mtl::Task& task : config.tasks)
    flips->outputs.push_back(task.traits().channel_mask ? mtl::Flips::Pairs{{right, left}} : mtl::Flips::Pairs{});
}

// The pairs that the run's description names.
void swap_described(const RunFolder& files, const mtl::ModelConfig& config, mtl::Flips* flips) {
  files.description();  // refuses one that was changed
  const std::string file = files.file(RunFile::Description);
  const datasets::CasePlan plan = datasets::read_description(datasets::read_toml(file), file).plan;
  for (const mtl::Task& task : config.tasks) {
    const auto target = std::find_if(plan.targets.begin(), plan.targets.end(),
                                     [&](const datasets::CaseTarget& t) { return t.info.name == task.name; });
    MEDUSA_CHECK_INPUT(target != plan.targets.end(), "{}: lacks the network's target {}", file, task.name);
    flips->outputs.push_back(target->mirrored);
  }
}

// What the run's training did to its images, as views.
mtl::Flips flips_of(const RunFolder& files, const RunOptions& run, const mtl::ModelConfig& config) {
  MEDUSA_CHECK_INPUT(flips_sideways(run) || flips_upside_down(run),
                     "--tta: {} was trained without flips, so its network does not know flipped images", files.path());
  mtl::Flips flips;
  const bool pictures = config.spatial_dims == 2, openkbp = run.dataset == "openkbp";
  if (flips_sideways(run)) {
    flips.left_right = pictures ? 1 : openkbp ? datasets::openkbp::kLeftRight : datasets::kLeftRight;
    flips.axes.push_back(flips.left_right);
  }
  if (flips_upside_down(run)) flips.axes.push_back(0);
  if (openkbp)
    swap_parotids(config, &flips);
  else if (run.dataset != "ham10000")
    swap_described(files, config, &flips);
  return flips;
}

std::vector<std::string> folders(const std::string& first, const EnsembleOptions& options) {
  std::vector<std::string> all{first};
  all.insert(all.end(), options.others.begin(), options.others.end());
  return all;
}

std::size_t views_of(const mtl::Model& network) { return dynamic_cast<const mtl::Ensemble&>(network).flips().views(); }

}  // namespace

void EnsembleOptions::add_to(CommandLine& command) {
  command
      .option("--ensemble", others,
              "folders of more runs, comma-separated: probabilities, or amounts, are averaged over them and --run")
      .split_at_comma();
  command.flag("--tta", flips,
               "test-time augmentation: average over the image and its flips, those that training made");
}

std::unique_ptr<mtl::Model> load_network(const std::string& folder, const RunOptions& run,
                                         const EnsembleOptions& options) {
  const RunFolder first(folder);
  std::vector<std::unique_ptr<mtl::Model>> members;
  members.push_back(load_member(first, run));
  if (!options.on()) return std::move(members[0]);
  const mtl::Flips flips = options.flips ? flips_of(first, run, members[0]->config()) : mtl::Flips{};
  check_different(folders(folder, options));
  for (const std::string& path : options.others) {
    const RunOptions other_run = read_run_options(path);
    const RunFolder other(path);
    check_alike(first, run, other, other_run, options.flips);
    members.push_back(load_member(other, other_run));
    const std::string network = mtl::unlike(members[0]->config(), members.back()->config());
    MEDUSA_CHECK_INPUT(network.empty(), "--ensemble: {} cannot be averaged with {}: it {}", path, folder, network);
  }
  return std::make_unique<mtl::Ensemble>(std::move(members), flips);
}

std::string ensemble_text(const std::string& folder, const EnsembleOptions& options, const mtl::Model& network) {
  if (!options.on()) return "";
  const std::size_t views = views_of(network), runs = options.others.size() + 1;
  return fmt::format("mean of {} run{} x {} view{} of the image: {}", runs, runs == 1 ? "" : "s", views,
                     views == 1 ? "" : "s", fmt::join(folders(folder, options), ", "));
}

std::string ensemble_json(const std::string& folder, const EnsembleOptions& options, const mtl::Model& network) {
  if (!options.on()) return "";
  return nlohmann::ordered_json{
      {"members", options.others.size() + 1}, {"views", views_of(network)}, {"runs", folders(folder, options)}}
      .dump();
}

void check_unseen(const std::string& folder, const EnsembleOptions& options, const datasets::Dataset& dataset,
                  const std::vector<std::int64_t>& chosen, const std::string& part, bool same_data) {
  for (const std::string& path : folders(folder, options)) {
    const std::optional<mtl::Provenance> made = RunFolder(path).provenance();
    MEDUSA_CHECK_INPUT(made, "--ensemble: {} has no {}, so it cannot be told which samples it was trained on", path,
                       RunFolder::name(RunFile::Provenance));
    const auto count = [&](const std::vector<std::string>& ids) {
      const std::set<std::string> known(ids.begin(), ids.end());
      return std::count_if(chosen.begin(), chosen.end(),
                           [&](std::int64_t i) { return known.count(dataset.id(i)) > 0; });
    };
    const auto trained = count(made->train), validated = count(made->val);
    if (part == "all" && !same_data) {  // another source may have the same ids
      print_error_line(fmt::format("note: {} was trained on {} samples of these names", path, trained));
      continue;
    }
    MEDUSA_CHECK_INPUT(trained == 0,
                       "--ensemble: {} was trained on {} of these {} samples; choose ones that are new to all members, "
                       "such as a test part that all runs share",
                       path, trained, chosen.size());
    if (validated > 0 && part != "val")
      print_error_line(
          fmt::format("note: {} chose its epoch by {} of these {} samples", path, validated, chosen.size()));
  }
}

}  // namespace medusa::tools

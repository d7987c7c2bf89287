// evaluate: the metrics of a run's best weights on one part of a dataset.
#include "mtl/training/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "datasets/layouts/registry.h"
#include "mtl/predictor.h"
#include "mtl/training/loader_source.h"
#include "mtl/training/matched_dataset.h"
#include "mtl/training/provenance.h"
#include "mtl/training/report_json.h"
#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cli/device.h"
#include "tools/cli/ensemble_options.h"
#include "tools/cli/program.h"
#include "tools/cli/programs.h"
#include "tools/cli/run_options.h"
#include "tools/openkbp/scores.h"
#include "tools/report/case_file.h"
#include "tools/report/class_report.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string run, data, split = "val", pictures, cases, dvh;
  double tolerance = 1;
  std::int64_t batch = 0;
  int threads = 0, workers = 2;
  DeviceChoice device;
  bool json = false, classes = false, follow_outside = false;
  EnsembleOptions ensemble;
};

// The part that a sample is distributed in, as --split calls it.
std::string part_name(const datasets::Dataset& dataset, std::int64_t index) {
  const std::string part = dataset.part(index);
  return part == "validation" ? "val" : part;
}

std::vector<std::int64_t>& part_of(datasets::Split& split, const std::string& name) {
  return name == "val" ? split.val : name == "test" ? split.test : split.train;
}

// The run has no samples for the part, but the data may be distributed in parts: the test patients in a folder of their
// own.  Then these are judged.
void take_own_part(const datasets::Dataset& dataset, const Options& o, datasets::Split* split) {
  const std::set<std::int64_t> train(split->train.begin(), split->train.end());
  std::vector<std::int64_t> part;
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    if (part_name(dataset, i) == o.split) part.push_back(i);
  if (part.empty()) return;
  print_error_line(fmt::format(
      "note: the run has no samples for {}; these are the {} that the data have as their {} part, {} of which it was "
      "trained on",
      o.split, part.size(), o.split, std::count_if(part.begin(), part.end(), [&](auto i) { return train.count(i); })));
  part_of(*split, o.split) = part;
}

// The run's own parts of the dataset, as the run's record has them; without one they are made again.
datasets::Split split_of(const datasets::Dataset& dataset, const RunOptions& run, const mtl::RunFolder& files,
                         const Options& o) {
  const std::optional<mtl::Provenance> provenance = files.provenance();
  if (!provenance) return make_split(run, dataset, /*for_training=*/false);
  mtl::KnownSamples known = mtl::known_samples(*provenance, dataset);
  if (o.split == "all") {
    print_error_line(fmt::format("note: of the {} samples in {}, the run was trained on {}", dataset.size(), run.data,
                                 known.split.train.size()));
    return known.split;
  }
  const bool val = o.split == "val", test = o.split == "test";
  const auto& gone = val ? known.gone_val : test ? known.gone_test : known.gone_train;
  const std::size_t had = gone.size() + part_of(known.split, o.split).size();
  if (had == 0) {
    take_own_part(dataset, o, &known.split);
    return known.split;
  }
  MEDUSA_CHECK_INPUT(gone.empty(),
                     "{}: {} of the {} samples that the run has for {} are not there: {}; --split all judges those "
                     "that are",
                     run.data, gone.size(), had, o.split, first_names(gone));
  for (std::int64_t i : part_of(known.split, o.split))
    if (const std::string part = part_name(dataset, i); !part.empty())
      MEDUSA_CHECK_INPUT(part == o.split, "{}: {} belongs to its {} part, the run has it for {}", run.data,
                         dataset.id(i), part, o.split);
  if (!known.added.empty())
    print_error_line(fmt::format("note: {} samples in {} are not the run's and are left out: {}", known.added.size(),
                                 run.data, first_names(known.added)));
  return known.split;
}

// The samples to judge, of a dataset divided into `split`.
std::vector<std::int64_t> choose(const datasets::Dataset& dataset, datasets::Split split, const Options& o) {
  if (o.split == "all") {
    std::vector<std::int64_t> all(static_cast<std::size_t>(dataset.size()));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    return all;
  }
  const std::vector<std::int64_t> chosen = part_of(split, o.split);
  MEDUSA_CHECK_INPUT(!chosen.empty(),
                     "--split {}: the run in {} has no samples for it; there are {} for train, {} for val, {} for test",
                     o.split, o.run, split.train.size(), split.val.size(), split.test.size());
  return chosen;
}

// The challenge's scores; their JSON is added to that of the metrics.
void print(const Options& o, const mtl::Model& model, const mtl::Evaluation& result, const KbpReport* report) {
  Json json = Json::parse(mtl::metrics_json(model.tasks(), result));
  const Json classes = Json::parse(o.classes ? class_report_json(model.tasks(), result) : "{}");
  for (const auto& [task, more] : classes.items()) json[task].update(more);
  if (report != nullptr) json["openkbp"] = Json::parse(kbp_json(*report));
  if (o.ensemble.on()) json["ensemble"] = Json::parse(ensemble_json(o.run, o.ensemble, model));
  if (o.json)
    print_json(json.dump());
  else
    print_lines((o.ensemble.on() ? printable(ensemble_text(o.run, o.ensemble, model)) + "\n" : "") +
                metrics_table(model.tasks(), result) + (o.classes ? class_report_text(model.tasks(), result) : "") +
                (report != nullptr ? kbp_table(*report) : ""));
}

// The thresholds that the run chose on its validation set, per task; none where there are none.  They are for its own
// answers, not for a mean: that one is judged at probability 0.5.
std::vector<std::vector<double>> thresholds_of(const mtl::RunFolder& files, const std::vector<mtl::Task>& tasks,
                                               const Options& o) {
  std::vector<std::vector<double>> thresholds(tasks.size());
  if (o.ensemble.on()) {
    for (const mtl::Task& task : tasks)
      if (task.kind == TaskKind::Binary)
        print_error_line(
            fmt::format("note: {}: sensitivity, specificity and F1 are at probability 0.5; a run's own thresholds are "
                        "not for a mean",
                        task.name));
    return thresholds;
  }
  if (!files.has(mtl::RunFile::Result)) return thresholds;
  const std::string file = files.file(mtl::RunFile::Result);
  const Json json = Json::parse(files.json(mtl::RunFile::Result)).value("thresholds", Json::object());
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    if (!json.contains(tasks[t].name)) continue;
    for (const Json& value : json[tasks[t].name]) {
      MEDUSA_CHECK_INPUT(value.is_number(), "{}: a threshold of {} is {}", file, tasks[t].name, value.dump());
      thresholds[t].push_back(value.get<double>());
    }
    MEDUSA_CHECK_INPUT(std::ssize(thresholds[t]) == tasks[t].channels, "{}: task {} has {} thresholds, expected {}",
                       file, tasks[t].name, thresholds[t].size(), tasks[t].channels);
  }
  return thresholds;
}

// A table into the file that its option names; else, for the run's own answers about its own data, into the run's
// folder.
void write_table(const Options& o, const mtl::RunFolder& files, const std::string& about, const std::string& named,
                 const std::string& text) {
  if (!named.empty()) return write_file(named, text);
  if (!o.data.empty() || o.ensemble.on() || o.tolerance != Options().tolerance) return;
  try {
    files.save_table(about, o.split, text);
  } catch (const Error& error) {
    print_error_line(fmt::format("note: the table is not saved: {}; --{} FILE names a place", error.what(), about));
  }
}

void evaluate(const Options& o) {
  MEDUSA_CHECK_INPUT(!o.run.empty(), "--run is missing: the folder of a training run");
  RunOptions run = read_run_options(o.run);
  if (!o.data.empty()) {
    run.data = o.data;
    run.follow_outside = false;  // was said of the run's own
  }
  run.follow_outside |= o.follow_outside;
  set_threads(o.threads);
  const Device device = open_device(o.device);
  const mtl::RunFolder files(o.run);
  auto model = load_network(o.run, run, o.ensemble);
  const auto dataset = datasets::open_dataset(dataset_options(run));
  const auto* openkbp = dynamic_cast<const datasets::OpenKbp*>(dataset.get());
  MEDUSA_CHECK_INPUT(openkbp != nullptr || o.pictures.empty(),
                     "--pictures: only openkbp's doses are drawn, this run's dataset is {}", run.dataset);
  // Patients of openkbp differ in their spacing, and are not resampled.
  const std::string changed = openkbp != nullptr ? "" : files.changed_inputs(*dataset);
  if (!changed.empty())
    print_error_line(fmt::format("note: the network was trained with {}: these figures are for other inputs", changed));
  const auto as_learnt = mtl::matched(*dataset, model->tasks());
  std::vector<std::size_t> target_of_task(model->tasks().size());
  std::iota(target_of_task.begin(), target_of_task.end(), std::size_t{0});
  datasets::LoaderOptions loader;
  loader.batch = o.batch > 0 ? o.batch : run.patch.empty() ? run.batch : 1;
  loader.workers = o.workers;
  const datasets::Split split = split_of(*dataset, run, files, o);
  const std::vector<std::int64_t> chosen = choose(*dataset, split, o);
  if (!o.ensemble.others.empty()) check_unseen(o.run, o.ensemble, *dataset, chosen, o.split, o.data.empty());
  mtl::LoaderSource source(*as_learnt, chosen, loader, target_of_task, device);
  model->to(device);
  mtl::Evaluation result =
      *mtl::evaluate(*model, source, {}, window_of(run), nullptr, {/*thorough=*/true, o.tolerance});
  mtl::judge_at(thresholds_of(files, model->tasks(), o), model->tasks(), &result);
  write_table(o, files, "cases", o.cases, cases_csv(model->tasks(), result, case_names(*dataset, chosen)));
  if (openkbp == nullptr) return print(o, *model, result, nullptr);
  mtl::Predictor predictor(o.run, std::move(model), device);
  const KbpReport report = score_patients(predictor, *openkbp, chosen, split.train, o.pictures);
  if (!report.dvh.empty()) write_table(o, files, "dvh", o.dvh, kbp_dvh_csv(report));
  print(o, predictor.model(), result, &report);
}

}  // namespace

}  // namespace medusa::tools

int medusa::tools::evaluate_main(int argc, char** argv) {
  using namespace medusa::tools;
  Options o;
  CommandLine command("Computes the metrics of a training run's best weights.", "evaluate");
  command.option("--run", o.run, "folder of the run, as train made it");
  o.ensemble.add_to(command);
  command.option("--data", o.data, "folder of the dataset; default: the run's own");
  command.flag("--follow-outside", o.follow_outside, kFollowOutside);
  command.option("--split", o.split, "samples: val, test or train as the run split them, or all")
      .one_of({"val", "test", "train", "all"});
  command.option("--pictures", o.pictures,
                 "openkbp: folder for DVH curves and dose differences of each patient, made if needed");
  command.option("--cases", o.cases,
                 "file for the table of cases, with every metric and prediction of each; default: cases_<split>.csv in "
                 "the run's folder; with --data, --ensemble, --tta or --tolerance none");
  command.option("--dvh", o.dvh,
                 "openkbp: file for the table of DVH figures, planned and predicted, of each patient and structure; "
                 "default: dvh_<split>.csv, as for --cases");
  command.flag("--classes", o.classes, "also how classes are confused, and whether the probabilities hold, bin by bin");
  command
      .option("--tolerance", o.tolerance,
              "nsd: how far a surface may be from the true one, in mm, or pixels where their size is not known")
      .range(0, 1e9);
  command.option("--batch", o.batch, "samples at a time; 0: as in the run").range(0, 1e9);
  command.option("--threads", o.threads, "threads that compute; 0: all the machine has").range(0, 1024);
  device_options(command, o.device);
  command.option("--workers", o.workers, "threads that prepare samples").range(0, 256);
  command.flag("--json", o.json, "print one JSON object {task: {metric: value}} instead of a table");
  command.config_file("file with options");
  return run(
      command, argc, argv, [&] { evaluate(o); }, kSmallerBatch);
}

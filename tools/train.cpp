// train: trains a network on a dataset and keeps everything about the run in one folder.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>

#include "datasets/label_notes.h"
#include "datasets/layouts/ham10000.h"
#include "datasets/layouts/registry.h"
#include "mtl/networks/backbone.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/dataset_tasks.h"
#include "mtl/training/evaluate.h"
#include "mtl/training/loader_source.h"
#include "mtl/training/provenance.h"
#include "mtl/training/report_json.h"
#include "mtl/training/run_folder.h"
#include "mtl/training/trainer.h"
#include "tensor/folder_lock.h"
#include "tensor/parallel.h"
#include "tools/cli/program.h"
#include "tools/cli/programs.h"
#include "tools/cli/run_options.h"
#include "tools/report/case_file.h"
#include "tools/train/arch_help.h"
#include "tools/train/cost.h"
#include "tools/train/loss_help.h"
#include "tools/train/network.h"
#include "tools/train/record.h"

namespace medusa::tools {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// ---- Ctrl-C: the first asks the run to save and end, a second one ends it at once --------------------------------

constexpr int kStoppedOnRequest = 3;  // exit status of a run that is saved, not finished

std::atomic<bool> stop_asked{false};

void on_signal(int signal) {
  stop_asked = true;
  std::signal(signal, SIG_DFL);
}

// ---- the command line -----------------------------------------------------------------------------------------------

struct Command {
  RunOptions run;
  std::string out;
  bool resume = false;
  std::vector<std::string> arguments;
  std::unique_ptr<FolderLock> lock;  // of `out`, from the first look at it
};

void parse_command(const std::vector<std::string>& arguments, Command* command) {
  CommandLine line(
      "Trains a network on a dataset. The run's folder holds configuration, metrics, best and last checkpoint.",
      "train");
  add_run_options(line, command->run);
  line.option("--out", command->out, "folder of the run, made if it does not exist").not_in_config();
  line.flag("--resume", command->resume, "go on with the run in --out; its own options need not be repeated")
      .not_in_config();
  line.config_file(
      fmt::format("file with options, such as the {} of another run", mtl::RunFolder::name(mtl::RunFile::Config)));
  line.footer(
      "Ends with status 0 when the run is finished, 1 after a failure at run time, 2 after bad input, and 3 when\n"
      "Ctrl-C, SIGHUP or SIGTERM stopped it: it is saved then, and --resume goes on.");
  line.parse(arguments);
  absolute_paths(&command->run);
}

bool asks_for_losses(const RunOptions& o) { return o.losses == std::vector<std::string>{"help"}; }

// Refuses to resume a run with options other than its own.
void check_unchanged(const Command& now) {
  const auto change = first_change(read_run_options(now.out), now.run,
                                   [](const OptionRow& row) { return row.effect != OptionRow::Effect::Result; });
  MEDUSA_CHECK_INPUT(!change,
                     "--resume: the run in {} was begun with --{} {}, not {}{}; start a new run to change it, "
                     "--pretrained {} gives it these weights",
                     now.out, change->name, change->before, change->now,
                     change->name == "epochs" ? " (--schedule " + now.run.schedule.name + " plans for all epochs)" : "",
                     now.out);
}

Command read_command(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  Command command;
  parse_command(arguments, &command);
  if (command.run.arch == "help" || asks_for_losses(command.run)) return command;
  MEDUSA_CHECK_INPUT(!command.out.empty(), "--out is missing: the folder of the run");
  if (command.resume) {
    const std::string config = mtl::RunFolder(command.out).need(mtl::RunFile::Config);
    for (const std::string& argument : arguments)
      MEDUSA_CHECK_INPUT(argument.rfind("--config", 0) != 0,
                         "--resume: --config cannot be given too, the run has its own");
    arguments.insert(arguments.begin(), {"--config", config});
    auto lock = std::make_unique<FolderLock>(command.out);
    command = {};
    command.lock = std::move(lock);
    parse_command(arguments, &command);
    set_older_defaults(mtl::RunFolder(command.out), &command.run);
    check_unchanged(command);
  }
  std::transform(argv + 1, argv + argc, std::back_inserter(command.arguments), [](const char* argument) {
    return printable(argument);  // JSON holds nothing but UTF-8
  });
  MEDUSA_CHECK_INPUT(!command.run.data.empty(), "--data is missing: the folder of the dataset");
  check(command.run);
  complete(&command.run);
  return command;
}

// Refuses a folder that holds something.
void check_new_folder(const Command& command) {
  MEDUSA_CHECK_INPUT(!fs::exists(command.out) || fs::is_directory(command.out), "--out {}: is not a folder",
                     command.out);
  MEDUSA_CHECK_INPUT(
      !fs::exists(command.out) || fs::is_empty(command.out) || mtl::RunFolder(command.out).only_prepared(),
      "--out {}: is not empty; --resume goes on with a run, another folder begins a new one", command.out);
}

// ---- the run -------------------------------------------------------------------------------------------------------

datasets::LoaderOptions loader_options(const RunOptions& o, bool training) {
  datasets::LoaderOptions loader;
  loader.batch = training || o.patch.empty() ? o.batch : 1;  // whole samples may be large
  if (training) loader.patch = patch_options(o);
  loader.workers = o.workers;
  loader.seed = o.seed;
  loader.augment = training && !o.no_augment;
  loader.shuffle = training;
  loader.weighted_sampling = training && o.weighted_sampling;
  loader.drop_last = training;
  return loader;
}

mtl::TrainerOptions trainer_options(const Command& command, mtl::ConsoleProgress* progress) {
  const RunOptions& o = command.run;
  mtl::TrainerOptions options;
  options.epochs = o.epochs;
  options.seed = o.seed;
  options.optimizer = o.optimizer;
  options.schedule = o.schedule;
  options.balancing = o.balancing;
  options.balancing.seed = o.seed;
  options.clip = o.clip;
  options.window = window_of(o);
  options.select = o.select;
  options.patience = o.patience;
  options.folder = command.out;
  options.resume = command.resume;
  options.save_every = o.save_every;
  options.stop = [progress] { return stop_asked.load() || progress->error() != 0; };
  options.progress = progress;
  return options;
}

// What goes through the network at a time.
datasets::Extent size_seen(const RunOptions& o) { return o.patch.empty() ? size_of(o) : patch_of(o); }

constexpr double kCollapsed = 0.9;  // a larger share of the diagonal is worth a note

// Samples with the source of their batches; no samples, no source.
struct Part {
  std::vector<std::int64_t> samples;
  std::unique_ptr<mtl::LoaderSource> source;
};

// The final figures of the best weights, and what they are made of, case by case.
void write_result(const Command& command, const mtl::RunFolder& folder, mtl::Model& model,
                  const datasets::Dataset& dataset, const mtl::TrainResult& result, const Part& val, const Part& test) {
  Json json{{"epochs", result.epochs},
            {"steps", result.steps},
            {"stopped_early", result.stopped_early},
            {"best_epoch", result.best_epoch}};
  for (const mtl::Task& task : model.tasks()) {
    const std::string metric = mtl::primary_metric(task);
    json["tasks"][task.name] = {{"metric", metric}, {"larger_is_better", mtl::larger_is_better(metric)}};
  }
  mtl::BottleneckSums bottleneck;
  const auto judge = [&](const Part& part) -> std::optional<mtl::Evaluation> {
    if (part.source == nullptr) return std::nullopt;
    return mtl::evaluate(model, *part.source, {}, window_of(command.run), &part == &val ? &bottleneck : nullptr,
                         {/*thorough=*/true});
  };
  std::optional<mtl::Evaluation> on_val = judge(val), on_test = judge(test);
  const std::vector<std::vector<double>> thresholds =
      mtl::judge_at_thresholds(model.tasks(), on_val ? &*on_val : nullptr, on_test ? &*on_test : nullptr);
  for (std::size_t t = 0; t < thresholds.size(); ++t)
    if (!thresholds[t].empty()) json["thresholds"][model.tasks()[t].name] = thresholds[t];
  const auto add = [&](const char* split, const Part& part, const std::optional<mtl::Evaluation>& evaluation) {
    if (!evaluation) return;
    json[split] = Json::parse(mtl::metrics_json(model.tasks(), *evaluation));
    folder.save_table("cases", split, cases_csv(model.tasks(), *evaluation, case_names(dataset, part.samples)));
    print_lines(fmt::format("{} set, best weights:\n{}", split, metrics_table(model.tasks(), *evaluation)));
  };
  add("val", val, on_val);
  add("test", test, on_test);
  const std::vector<mtl::BottleneckFigures> figures = bottleneck.means();
  if (!figures.empty()) json["bottleneck"] = mtl::bottleneck_json(model.tasks(), figures);
  for (const mtl::BottleneckFigures& f : figures)
    if (f.diagonal > kCollapsed)
      print_line(
          "note: bottleneck of {} with {}: {:.0f} % of each query's attention stays where it is ({:.1f} of {:.1f} "
          "bits), so hardly anything is exchanged; --ctan-qk-norm keeps it wider",
          model.tasks()[f.task].name, model.tasks()[f.other].name, 100 * f.diagonal, f.entropy_bits, f.most_bits);
  if (!folder.has(mtl::RunFile::Cost))  // a finished run that is resumed has nothing more to train
    folder.save(mtl::RunFile::Cost, cost_json(model, size_seen(command.run)));
  folder.save(mtl::RunFile::Result, json.dump(2) + "\n");
}

void note_size(const RunOptions& o, const mtl::Model& model) {
  const std::int64_t m = model.size_multiple();
  if (!size_seen(o).multiple_of(m))
    fmt::print("note: inside the network, images are padded from {} to multiples of {}\n",
               o.patch.empty() ? o.size : o.patch, m);
}

// Refuses --patch where it does not apply.
void check_patch(const RunOptions& o, const datasets::Dataset& dataset, const mtl::Model& model) {
  if (o.patch.empty()) return;
  datasets::check(patch_options(o), dataset.input_shape());
  for (const mtl::Task& task : model.tasks())
    MEDUSA_CHECK_INPUT(
        task.traits().pixel_level,
        "--patch: task {} has one answer per image, of which a piece says little; --tasks can leave it out", task.name);
}

// The weights that --pretrained names: those of a run's folder are its best.
std::string weights_file(const std::string& pretrained) {
  return fs::is_directory(pretrained) ? mtl::RunFolder(pretrained).weights() : pretrained;
}

int train(Command& command) {
  const RunOptions& o = command.run;
  set_threads(o.threads);
  const Device device = open_device(o.device);
  const auto dataset = datasets::open_dataset(dataset_options(o));
  const datasets::Split split = make_split(o, *dataset);
  MEDUSA_CHECK_INPUT(o.batch <= static_cast<std::int64_t>(split.train.size()),
                     "--batch {}: the training set has only {} samples", o.batch, split.train.size());
  std::vector<std::size_t> target_of_task;
  const auto model = mtl::make_model(model_config(o, *dataset, split, &target_of_task), o.seed);
  if (!o.pretrained.empty() && !command.resume) {
    const std::string file = weights_file(o.pretrained);
    print_line("{}: {}", file, mtl::load_pretrained(file, *model, !o.fresh_heads).summary());
  }
  check_patch(o, *dataset, *model);
  model->to(device);
  const auto part = [&](const std::vector<std::int64_t>& samples, bool training) {
    return Part{samples, samples.empty() ? nullptr
                                         : std::make_unique<mtl::LoaderSource>(
                                               *dataset, samples, loader_options(o, training), target_of_task, device)};
  };
  const Part train = part(split.train, true), val = part(split.val, false), test = part(split.test, false);
  mtl::ConsoleProgress progress(model->tasks(), stdout, isatty(STDOUT_FILENO) != 0);
  const mtl::Provenance now = provenance_of(o, command.arguments, *dataset, split, *model);
  std::vector<std::string> notes;
  const std::optional<mtl::Provenance> record = command.resume ? resumed_record(command.out, now, &notes) : now;
  const std::string run = record ? record->run : "";
  const mtl::RunFolder folder(command.out, run);
  mtl::TrainerOptions training = trainer_options(command, &progress);
  training.run = run;
  training.data = mtl::samples_text(now);
  mtl::Trainer trainer(*model, training);
  trainer.start(*train.source);  // a resumed run that does not fit is refused before anything is written
  if (!command.resume) {
    folder.make();
    command.lock = std::make_unique<FolderLock>(command.out);
    check_new_folder(command);  // another program may have begun a run there meanwhile
    folder.remove_unfinished();
  }
  if (record && !trainer.finished()) folder.save(mtl::RunFile::Provenance, mtl::to_json(*record));
  folder.keep_description(*dataset);
  if (!trainer.finished()) folder.remove_result();  // of a finished run that goes on
  save_config(folder, o);                           // from here on the run has begun
  progress.note(fmt::format("{}: {} parameters; {} samples to train, {} to validate, {} to test; {} threads", o.arch,
                            model->parameter_count(), split.train.size(), split.val.size(), split.test.size(),
                            threads()));
  note_size(o, *model);
  for (const std::string& line : notes) progress.note("note: " + line);
  for (const std::string& line : without_effect(o)) progress.note("note: " + line);
  for (const std::string& note : datasets::label_notes(*dataset, split, target_of_task)) progress.note("note: " + note);
  for (const std::string& note : dataset->notes()) progress.note("note: " + note);
  on_stop_signals(on_signal);
  const mtl::TrainResult result = trainer.run(*train.source, val.source.get());
  if (progress.error() != 0)
    fail("standard output: cannot be written: {}; saved after step {}. To go on: train --out '{}' --resume",
         std::generic_category().message(progress.error()), result.steps, command.out);
  if (result.interrupted) {
    progress.note(fmt::format("interrupted, saved after step {}. To go on: train --out '{}' --resume", result.steps,
                              command.out));
    return kStoppedOnRequest;
  }
  if (result.stopped_early) progress.note(fmt::format("stopped early: no better result for {} epochs", o.patience));
  write_result(command, folder, *model, *dataset, result, val, test);
  return 0;
}

// --arch help: with --data its tasks, else HAM10000's.
int explain_architectures(const RunOptions& o) {
  mtl::ModelConfig config = network_of(o);
  mtl::backbone_of(config);  // refuses widths that no architecture can have
  if (o.data.empty()) {
    config.tasks = {mtl::Task(datasets::segmentation("lesion", {"lesion"})),
                    mtl::Task(datasets::classification("diagnosis", datasets::Ham10000::classes()))};
  } else {
    std::vector<std::size_t> target_of_task;
    const auto dataset = datasets::open_dataset(dataset_options(o));
    config.tasks = mtl::make_tasks(*dataset, o.tasks, &target_of_task);
    const Shape shape = dataset->input_shape();
    config.spatial_dims = shape.rank() - 1;
    config.in_channels = shape[-1];
  }
  print_lines(architectures_text(config, o.arch_options));
  return 0;
}

}  // namespace

}  // namespace medusa::tools

int medusa::tools::train_main(int argc, char** argv) {
  using namespace medusa::tools;
  survive_closed_pipes();
  return run_program(
      "train",
      [&] {
        Command command = read_command(argc, argv);
        if (command.run.arch == "help") return explain_architectures(command.run);
        if (asks_for_losses(command.run)) {
          fmt::print("{}", losses_text());
          return 0;
        }
        if (!command.resume) check_new_folder(command);
        return train(command);
      },
      kSmallerBatch);
}

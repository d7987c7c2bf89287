// predict: what a trained network says about pictures and scans: masks, values, tables of class probabilities.
#include <algorithm>
#include <filesystem>
#include <set>

#include "datasets/cases/file.h"
#include "datasets/cases/picture_notes.h"
#include "mtl/predictor.h"
#include "mtl/training/run_folder.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cli/device.h"
#include "tools/cli/ensemble_options.h"
#include "tools/cli/program.h"
#include "tools/cli/programs.h"
#include "tools/cli/run_options.h"
#include "tools/openkbp/scores.h"
#include "tools/predict/case_answers.h"
#include "tools/predict/inputs.h"
#include "tools/report/picture.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Predicts with a trained network.  A run on ham10000 gives, for every PNG or JPEG file NAME.*,\n"
    "  NAME_<task>.png     the mask, at the picture's own size: 255 inside, or the number of the class\n"
    "  NAME_overlay.png    the picture with the masks' outlines and tints; overview.png shows the first of them\n"
    "and for every task that classifies  <task>.csv  with a row per picture: probabilities and the predicted class.\n"
    "A run on stoic, prostate or folder gives, for every scan (NIfTI, MetaImage, NRRD, npy, npz#array), on its grid,\n"
    "  NAME_<task>.nii.gz  segmentation: the numbers of the classes; regression: values in the task's unit\n"
    "  NAME_<structure>.nii.gz   structures: 0 and 1 each\n"
    "and <task>.csv; pictures as above.  If the network has several inputs, --input is a table (CSV) with a column "
    "case\n"
    "and one for each input, files relative to it, such as a dataset's own; a network of one input takes tables too.\n"
    "A run on openkbp gives, for every patient folder pt_N below --input,  pt_N/dose.csv  and  pt_N/<structure>.csv  "
    "in\n"
    "the layout of the dataset, at original resolution; if --input is CTs in HU,  NAME_dose.nii.gz  and\n"
    "NAME_<structure>.nii.gz  on the grid of the file.";

struct PredictOptions {
  std::string run, out, config;
  std::vector<std::string> inputs;
  double opacity = 0.15;  // low: a lesion's colours must stay visible
  int threads = 0;
  bool follow_outside = false;
  DeviceChoice device;
  EnsembleOptions ensemble;
};

// Whether an earlier predict wrote into the folder: its results may be replaced.  Throws InputError if the folder is a
// training run or has another program's config.toml, which predict would replace.
bool predicted_before(const std::string& out) {
  const mtl::RunFolder folder(out);
  if (!folder.has(mtl::RunFile::Config)) return false;
  MEDUSA_CHECK_INPUT(
      !folder.option("run").empty(),
      "--out {}: its config.toml is not predict's, a training run may have written it; choose another folder", out);
  return true;
}

// `files`: all that is read besides the folders and tables that --input names.
void make_output_folder(const PredictOptions& options, std::vector<std::string> files) {
  make_folder("--out", options.out);
  files.insert(files.begin(), options.inputs.begin(), options.inputs.end());
  std::set<fs::path> folders;
  for (const std::string& name : files) {
    const fs::path input(datasets::file_of(name));
    folders.insert(fs::is_directory(input) ? input : input.parent_path());
  }
  std::error_code ignored;
  for (const fs::path& folder : folders)
    MEDUSA_CHECK_INPUT(!fs::equivalent(folder.empty() ? "." : folder, options.out, ignored),
                       "--out {}: is the folder of the input; results must not mix with it", options.out);
  write_file(options.out + "/" + mtl::RunFolder::name(mtl::RunFile::Config), options.config);
}

// Calls body() for each input; a failure prints a line and the rest go on.  Returns how many failed.  If there is only
// one input, its error is thrown.
template <class T, class Body>
std::size_t for_each_input(const std::vector<T>& inputs, const Body& body) {
  std::size_t failed = 0;
  for (const T& input : inputs) try {
      body(input);
    } catch (const InputError& error) {
      if (inputs.size() == 1) throw;
      print_error_line(std::string("predict: ") + error.what());
      ++failed;
    }
  return failed;
}

void print_ensemble(const PredictOptions& options, mtl::Predictor& predictor) {
  if (options.ensemble.on()) print_line("note: {}", ensemble_text(options.run, options.ensemble, predictor.model()));
}

// The patients below --input, each into a folder of its own.
void predict_patients(const PredictOptions& options, RunOptions run, mtl::Predictor& predictor) {
  run.data = options.inputs[0];
  run.cache_mib = 0;
  run.cache_disk.clear();
  const datasets::OpenKbp dataset(dataset_options(run));
  const bool again = predicted_before(options.out);
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    MEDUSA_CHECK_INPUT(again || !fs::exists(options.out + "/" + dataset.id(i)),
                       "--out {}: {} is there, and no earlier predict wrote it; choose another folder", options.out,
                       dataset.id(i));
  make_output_folder(options, {});
  print_ensemble(options, predictor);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto patient = dataset.patient(i);
    const KbpPrediction prediction = predict_patient(predictor, dataset, patient);
    write_prediction(prediction, patient, options.out + "/" + patient.id);
    print_line("{}: {}", dataset.folder(i), prediction_text(prediction));
  }
}

// Where files that headers and tables name may lie: for the run's own data as in the run, else beside what names them.
datasets::DataFolder data_folder_of(const PredictOptions& options, const RunOptions& run) {
  const bool own = std::all_of(options.inputs.begin(), options.inputs.end(), [&](const std::string& input) {
    return datasets::lies_in(datasets::file_of(input), run.data);
  });
  return own ? datasets::DataFolder{run.data, run.follow_outside || options.follow_outside}
             : datasets::DataFolder{"", options.follow_outside};
}

// Scans and pictures in files of their own.
void predict_cases(const PredictOptions& options, mtl::Predictor& predictor) {
  std::vector<std::string> problems;
  const CaseFileKinds kinds{predictor.fit() != datasets::Fit::Stretched, predictor.pictures()};
  const std::vector<datasets::CaseRow> rows = cases_at(options.inputs, predictor.plan(), kinds, &problems);
  const std::size_t all = rows.size() + problems.size();
  if (all == 1 && !problems.empty()) fail_input("{}", problems[0]);
  CaseWriter writer(predictor, options.out, options.opacity);
  writer.check_names(rows);
  if (!predicted_before(options.out)) writer.check_absent(rows);
  std::vector<std::string> files;
  for (const datasets::CaseRow& row : rows) files.insert(files.end(), row.inputs.begin(), row.inputs.end());
  make_output_folder(options, std::move(files));
  print_ensemble(options, predictor);
  std::vector<std::string> notes = predictor.notes();
  if (predictor.pictures())
    for (const std::string& note : datasets::picture_notes(predictor.plan().inputs, rows)) notes.push_back(note);
  for (const std::string& note : notes) print_line("note: {}", note);
  for (const std::string& problem : problems) print_error_line("predict: " + problem);
  const std::size_t failed = problems.size() + for_each_input(rows, [&](const datasets::CaseRow& row) {
                               writer.claim(row);
                               print_line("{}", writer.write(row, predictor.predict(row.inputs)));
                             });
  writer.finish();
  MEDUSA_CHECK_INPUT(failed == 0, "{} of {} {} left out", failed, all,
                     predictor.fit() == datasets::Fit::Cut ? "cases" : "files");
}

// Whether --input is a folder of OpenKBP's patients, which are folders themselves, for a network that sees patients
// whole.
bool asks_for_patients(const PredictOptions& options, const mtl::Predictor& predictor) {
  const std::vector<std::string>& inputs = options.inputs;
  return predictor.fit() == datasets::Fit::Whole && inputs.size() == 1 && fs::is_directory(inputs[0]) &&
         volume_files(inputs[0]).empty();
}

void predict(const PredictOptions& options) {
  MEDUSA_CHECK_INPUT(options.opacity >= 0 && options.opacity <= 1, "--opacity {}: expected 0 to 1", options.opacity);
  MEDUSA_CHECK_INPUT(options.threads >= 0 && options.threads <= 1024, "--threads {}: expected 0 to 1024",
                     options.threads);
  const RunOptions run = read_run_options(options.run);
  set_threads(options.threads);
  const Device device = open_device(options.device);
  mtl::Predictor predictor(options.run, load_network(options.run, run, options.ensemble), device);
  predictor.set_data_folder(data_folder_of(options, run));
  if (asks_for_patients(options, predictor)) return predict_patients(options, run, predictor);
  predict_cases(options, predictor);
}

}  // namespace
}  // namespace medusa::tools

int medusa::tools::predict_main(int argc, char** argv) {
  using namespace medusa::tools;
  CommandLine command{kAbout, "predict"};
  PredictOptions options;
  command
      .option("--run", options.run,
              fmt::format("folder of the training run: its {} and {} are used",
                          medusa::mtl::RunFolder::name(medusa::mtl::RunFile::Config),
                          medusa::mtl::RunFolder::name(medusa::mtl::RunFile::Best)))
      .required();
  options.ensemble.add_to(command);
  command
      .option("--input", options.inputs,
              "files, folders of files (not searched deeper) or tables (.csv); openkbp: the folder of patients, or CTs")
      .required();
  command.flag("--follow-outside", options.follow_outside, kFollowOutside);
  command.option("--out", options.out, "folder for the results, made if needed; not the input's own").required();
  command.option("--opacity", options.opacity, "of the tint over masks in overlays, 0 (outline alone) to 1 (solid)");
  command.option("--threads", options.threads, "threads to use; 0: all the machine has");
  device_options(command, options.device);
  command.config_file(fmt::format("file with these options, such as the {} written beside the results",
                                  medusa::mtl::RunFolder::name(medusa::mtl::RunFile::Config)));
  command.footer(
      "Exit status: 0; 1 where a result cannot be written; 2 where an input cannot be read (the rest are done).");
  survive_closed_pipes();
  return run(
      command, argc, argv,
      [&] {
        options.config = command.config_text();
        predict(options);
      },
      kFewerThreads);
}

// predict: what a trained network says about pictures and scans: masks, values, tables of class probabilities.
#include <algorithm>
#include <filesystem>
#include <map>

#include "datasets/cases/file.h"
#include "datasets/images/draw.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/run_folder.h"
#include "nn/safetensors.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cli/device.h"
#include "tools/cli/program.h"
#include "tools/cli/programs.h"
#include "tools/cli/run_options.h"
#include "tools/openkbp/scores.h"
#include "tools/predict/case_answers.h"
#include "tools/predict/class_table.h"
#include "tools/predict/inputs.h"
#include "tools/predict/volume_predict.h"
#include "tools/report/picture.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;
using datasets::Image;

constexpr const char* kAbout =
    "Predicts with a trained network.  Of a run on ham10000, for every PNG or JPEG file NAME.*,\n"
    "  NAME_<task>.png     the mask, at the picture's own size: 255 inside, or the number of the class\n"
    "  NAME_overlay.png    the picture with the masks' outlines and tints; overview.png shows the first of them\n"
    "and for every task that classifies  <task>.csv  with a row per picture: probabilities and the predicted class.\n"
    "Of a run on stoic, prostate or folder, for every scan (NIfTI, MetaImage, NRRD, npy, npz#array), on its own grid,\n"
    "  NAME_<task>.nii.gz  segmentation: the numbers of the classes; regression: values in the task's unit\n"
    "  NAME_<structure>.nii.gz   structures: 0 and 1 each\n"
    "and <task>.csv; pictures as above.  Where the network has several inputs --input is a table (CSV) with a column\n"
    "case and one for each input, files relative to it, such as a dataset's own; a table may list cases of one, too.\n"
    "Of a run on openkbp: for every patient folder pt_N below --input  pt_N/dose.csv  and  pt_N/<structure>.csv  in\n"
    "the layout of the dataset, at original resolution; where --input is CTs in HU, NAME_dose.nii.gz  and\n"
    "NAME_<structure>.nii.gz  on the grid of the file.";

struct PredictOptions {
  std::string run, out, config;
  std::vector<std::string> inputs;
  double opacity = 0.15;  // colours matter to whoever judges a lesion
  int threads = 0;
  DeviceChoice device;
};

class Predictor {
 public:
  Predictor(const PredictOptions& options, const RunOptions& run, Device device)
      : options_(options),
        size_(parse_size(run.size)),
        normalisation_(dataset_options(run).normalisation),
        model_(mtl::load_model(mtl::RunFolder(options.run).need(mtl::RunFile::Best))),
        tables_(model_->tasks(), "image") {
    check_takes_pictures(*model_, options.run);
    model_->to(device);
    for (const mtl::Task& task : model_->tasks())
      MEDUSA_CHECK_INPUT(!task.traits().pixel_level || !task.traits().exclusive || task.channels <= 256,
                         "{}: task {} has {} classes, a mask can show 256", options.run, task.name, task.channels);
  }

  // Throws InputError where the picture cannot be read.
  void predict(const fs::path& path) {
    const Image picture = datasets::to_rgb(datasets::read_image(path.string()));
    const std::string stem = path.stem().string();
    const auto [seen, fresh] = written_.emplace(stem, path.string());
    MEDUSA_CHECK_INPUT(fresh, "{}: left out, its results would overwrite those of {}", path.string(), seen->second);
    const std::vector<Var> outputs = outputs_on_host(*model_, network_input(picture, size_, normalisation_));
    Image overlay = picture;
    std::size_t colour = 0;
    std::string line = path.string() + ":";
    for (std::size_t t = 0; t < outputs.size(); ++t) {
      const mtl::Task& task = model_->tasks()[t];
      const std::string file = fmt::format("{}/{}_{}", options_.out, stem, task.name);
      if (!task.traits().pixel_level) {
        line += tables_.add(task, path.filename().string(), outputs[t]);
        continue;
      }
      const Tensor own_size = at_size_of(picture, outputs[t]);
      if (task.traits().in_units)
        nn::write_safetensors(file + ".safetensors", {{task.name, own_size}});
      else
        line += write_mask(task, mask_of(own_size), file + ".png", &overlay, &colour);
    }
    if (colour > 0) {
      datasets::write_png(fmt::format("{}/{}_overlay.png", options_.out, stem), overlay);
      if (overview_.size() < kOverviewPictures) overview_.push_back(thumbnail(overlay));
    }
    fmt::print("{}\n", line);
  }

  void write_overview() const {
    if (overview_.size() > 1) datasets::write_png(options_.out + "/overview.png", datasets::sheet(overview_, 4));
  }

  void write_tables() const { tables_.write(options_.out); }

 private:
  std::string write_mask(const mtl::Task& task, const Image& mask, const std::string& file, Image* overlay,
                         std::size_t* colour) const {
    datasets::write_png(file, mask);
    std::int64_t count = 0;
    for (std::uint8_t label : region_labels(task)) {
      const Image region = region_of(mask, label);
      count += std::count(region.pixels.begin(), region.pixels.end(), std::uint8_t{255});
      datasets::draw_mask(*overlay, region, datasets::distinct_colour((*colour)++), options_.opacity,
                          datasets::outline_width(*overlay));
    }
    return fmt::format(" {} {:.1f} % of the picture;", task.name,
                       100.0 * static_cast<double>(count) / static_cast<double>(mask.width * mask.height));
  }

  const PredictOptions& options_;
  Size size_;
  datasets::Normalisation normalisation_;
  std::unique_ptr<mtl::Model> model_;
  ClassTables tables_;
  std::map<std::string, std::string> written_;  // names of results, and the picture they are of
  std::vector<Image> overview_;                 // the first overlays, small
};

void make_output_folder(const PredictOptions& options) {
  make_folder("--out", options.out);
  for (const std::string& name : options.inputs) {
    const fs::path input(datasets::file_of(name));
    const fs::path folder = fs::is_directory(input) ? input : input.parent_path();
    MEDUSA_CHECK_INPUT(!fs::equivalent(folder.empty() ? "." : folder, options.out),
                       "--out {}: is the folder of the input; results must not mix with it", options.out);
  }
  write_file(options.out + "/config.toml", options.config);
}

// Calls body() for each input; one that fails costs a line, and the others are done.  Returns how many failed.  Where
// there is one alone its error is thrown.
template <class T, class Body>
std::size_t for_each_input(const std::vector<T>& inputs, const Body& body) {
  std::size_t failed = 0;
  for (const T& input : inputs) try {
      body(input);
    } catch (const InputError& error) {
      if (inputs.size() == 1) throw;
      fmt::print(stderr, "predict: {}\n", error.what());
      ++failed;
    }
  return failed;
}

// The patients below --input, each into a folder of its own.
void predict_patients(const PredictOptions& options, RunOptions run, Device device) {
  MEDUSA_CHECK_INPUT(options.inputs.size() == 1, "--input: expected one folder of patients, or scans; found {} names",
                     options.inputs.size());
  run.data = options.inputs[0];
  run.cache_mib = 0;
  run.cache_disk.clear();
  const datasets::OpenKbp dataset(dataset_options(run));
  const auto model = mtl::load_model(mtl::RunFolder(options.run).need(mtl::RunFile::Best));
  model->to(device);
  make_output_folder(options);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto patient = dataset.patient(i);
    const KbpPrediction prediction = predict_patient(*model, dataset, patient, {device, window_of(run)});
    write_prediction(prediction, patient, options.out + "/" + patient.id);
    fmt::print("{}: {}\n", dataset.folder(i), prediction_text(prediction));
  }
}

// CTs in files of their own.
void predict_volumes(const PredictOptions& options, const RunOptions& run, Device device,
                     const std::vector<std::string>& files) {
  const auto model = mtl::load_model(mtl::RunFolder(options.run).need(mtl::RunFile::Best));
  const KbpGrid grid = grid_of_run(options.run, parse_size(run.size).depth);
  model->to(device);
  make_output_folder(options);
  if (!grid.known)
    fmt::print("note: {} does not say what voxels its patients had; taken for {:.3g} mm\n", options.run,
               fmt::join(grid.spacing, " x "));
  std::map<std::string, std::string> written;
  const std::size_t failed = for_each_input(files, [&](const std::string& file) {
    const std::string stem = stem_of(file);
    const auto [seen, fresh] = written.emplace(stem, file);
    MEDUSA_CHECK_INPUT(fresh, "{}: left out, its results would overwrite those of {}", file, seen->second);
    fmt::print("{}\n", predict_volume(*model, grid, file, window_of(run), options.out + "/" + stem));
  });
  MEDUSA_CHECK_INPUT(failed == 0, "{} of {} files left out", failed, files.size());
}

void predict_openkbp(const PredictOptions& options, const RunOptions& run, Device device) {
  std::vector<std::string> scans;
  for (const std::string& input : options.inputs) {
    const std::vector<std::string> files = volume_files(input);
    MEDUSA_CHECK_INPUT(!files.empty() || options.inputs.size() == 1, "--input {}: there is no volume", input);
    scans.insert(scans.end(), files.begin(), files.end());
  }
  scans.empty() ? predict_patients(options, run, device) : predict_volumes(options, run, device, scans);
}

// Scans and pictures for a run on a list of cases.
void predict_cases(const PredictOptions& options, const RunOptions& run, Device device) {
  CasePredictor predictor(options.run, run, device);
  std::vector<std::string> problems;
  const std::vector<datasets::CaseRow> rows =
      cases_at(options.inputs, predictor.plan(), predictor.pictures(), &problems);
  const std::size_t all = rows.size() + problems.size();
  if (all == 1 && !problems.empty()) fail_input("{}", problems[0]);
  make_output_folder(options);
  for (const std::string& problem : problems) fmt::print(stderr, "predict: {}\n", problem);
  const std::size_t failed = problems.size() + for_each_input(rows, [&](const datasets::CaseRow& row) {
                               fmt::print("{}\n", predictor.predict(row, options.out, options.opacity));
                             });
  predictor.finish(options.out);
  MEDUSA_CHECK_INPUT(failed == 0, "{} of {} cases left out", failed, all);
}

void predict_pictures(const PredictOptions& options, const RunOptions& run, Device device) {
  std::vector<std::string> files;
  for (const std::string& input : options.inputs) {
    const std::vector<std::string> found = picture_files(input);
    files.insert(files.end(), found.begin(), found.end());
  }
  Predictor predictor(options, run, device);
  make_output_folder(options);
  const std::size_t failed = for_each_input(files, [&](const std::string& file) { predictor.predict(file); });
  predictor.write_tables();
  predictor.write_overview();
  MEDUSA_CHECK_INPUT(failed == 0, "{} of {} files left out", failed, files.size());
}

void predict(const PredictOptions& options) {
  MEDUSA_CHECK_INPUT(options.opacity >= 0 && options.opacity <= 1, "--opacity {}: expected 0 to 1", options.opacity);
  MEDUSA_CHECK_INPUT(options.threads >= 0 && options.threads <= 1024, "--threads {}: expected 0 to 1024",
                     options.threads);
  const RunOptions run = read_run_options(options.run);
  const NoGrad no_grad;
  set_threads(options.threads);
  const Device device = open_device(options.device);
  if (run.dataset == "openkbp") return predict_openkbp(options, run, device);
  if (run.dataset == "ham10000") return predict_pictures(options, run, device);
  predict_cases(options, run, device);
}

}  // namespace
}  // namespace medusa::tools

int medusa::tools::predict_main(int argc, char** argv) {
  using namespace medusa::tools;
  CommandLine command{kAbout, "predict"};
  PredictOptions options;
  command.option("--run", options.run, "folder of the training run: its config.toml and best.safetensors are used")
      .required();
  command
      .option("--input", options.inputs,
              "files, folders of files (not searched deeper) or tables (.csv); openkbp: the folder of patients, or CTs")
      .required();
  command.option("--out", options.out, "folder for the results, made if needed; not the input's own").required();
  command.option("--opacity", options.opacity, "of the tint over masks in overlays, 0 (outline alone) to 1 (solid)");
  command.option("--threads", options.threads, "threads to use; 0: all the machine has");
  device_options(command, options.device);
  command.config_file("file with these options, such as the config.toml written beside the results");
  command.footer(
      "Exit status: 0; 1 where a result cannot be written; 2 where an input cannot be read (the others are done).");
  return run(command, argc, argv, [&] {
    options.config = command.config_text();
    predict(options);
  });
}

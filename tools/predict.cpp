// predict: what a trained network says about pictures: masks, overlays, tables of class probabilities.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "datasets/draw.h"
#include "mtl/model_file.h"
#include "nn/safetensors.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/common_device.h"
#include "tools/common_main.h"
#include "tools/common_openkbp.h"
#include "tools/common_picture.h"
#include "tools/common_run.h"
#include "tools/common_volume_predict.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;
using datasets::Image;

constexpr const char* kAbout =
    "Predicts masks and classes of pictures with a trained network.  Writes, for every PNG or JPEG file NAME.*,\n"
    "  NAME_<task>.png     the mask, at the picture's own size: 255 inside, or the number of the class\n"
    "  NAME_overlay.png    the picture with the masks' outlines and tints; overview.png shows the first of them\n"
    "and for every task that classifies  <task>.csv  with a row per picture: probabilities and the predicted class.\n"
    "Of a run on openkbp: for every patient folder pt_N below --input  pt_N/dose.csv  and  pt_N/<structure>.csv  in\n"
    "the layout of the dataset, at original resolution.  Where --input is a CT in HU (NIfTI, MetaImage, NRRD), or a\n"
    "folder of them, NAME_dose.nii.gz  and  NAME_<structure>.nii.gz  on the grid of the file.";

struct PredictOptions {
  std::string run, input, out, config;
  double opacity = 0.15;  // colours matter to whoever judges a lesion
  int threads = 0;
  DeviceChoice device;
};

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<fs::path> pictures(const std::string& input) {
  MEDUSA_CHECK_INPUT(fs::exists(input), "--input {}: there is no such file or folder", input);
  if (!fs::is_directory(input)) return {input};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(input))
    if (is_picture(entry.path())) files.push_back(entry.path());
  MEDUSA_CHECK_INPUT(!files.empty(), "--input {}: there is no .png, .jpg or .jpeg file in this folder", input);
  std::sort(files.begin(), files.end());
  return files;
}

// Text as a field of a CSV file.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

constexpr std::size_t kOverviewPictures = 12;

// At most 240 pixels wide and high.
Image thumbnail(const Image& image) {
  const double factor = 240.0 / static_cast<double>(std::max({image.width, image.height, std::int64_t{240}}));
  const auto scaled = [factor](std::int64_t side) {
    return std::max<std::int64_t>(1, std::lround(factor * static_cast<double>(side)));
  };
  return datasets::resize(image, scaled(image.width), scaled(image.height));
}

class Predictor {
 public:
  Predictor(const PredictOptions& options, const RunOptions& run, Device device)
      : options_(options),
        size_(parse_size(run.size)),
        normalisation_(dataset_options(run).normalisation),
        model_(mtl::load_model(run_file(options.run, "best.safetensors"))) {
    check_takes_pictures(*model_, options.run);
    model_->to(device);
    for (const mtl::Task& task : model_->tasks()) {
      MEDUSA_CHECK_INPUT(task.kind != TaskKind::Segmentation || task.channels <= 256,
                         "{}: task {} has {} classes, a mask can show 256", options.run, task.name, task.channels);
      if (!pixel_level(task.kind)) tables_[task.name] = header(task);
    }
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
      if (!pixel_level(task.kind)) {
        line += add_row(task, path.filename().string(), outputs[t]);
        continue;
      }
      const Tensor own_size = at_size_of(picture, outputs[t]);
      if (task.kind == TaskKind::Regression)
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

  void write_tables() const {
    for (const auto& [task, text] : tables_) write_file(fmt::format("{}/{}.csv", options_.out, task), text);
  }

 private:
  static std::string header(const mtl::Task& task) {
    std::string text = "image";
    for (std::int64_t c = 0; c < task.channels; ++c) text += "," + field(class_name(task, static_cast<std::size_t>(c)));
    return text + ",predicted\n";
  }

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

  std::string add_row(const mtl::Task& task, const std::string& image, const Var& y) {
    const bool exclusive = task.kind == TaskKind::Classification;
    const std::vector<real> p = probabilities(task, y);
    std::string row = field(image), predicted;
    for (real probability : p) row += fmt::format(",{:.6f}", probability);
    const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    for (std::size_t c = 0; c < p.size(); ++c)  // several findings at once are joined by a semicolon
      if (exclusive ? c == best : p[c] > real(0.5)) predicted += (predicted.empty() ? "" : ";") + class_name(task, c);
    tables_[task.name] += row + "," + field(predicted) + "\n";
    return fmt::format(" {} {} ({:.2f});", task.name, predicted.empty() ? "none" : predicted, p[best]);
  }

  const PredictOptions& options_;
  Size size_;
  datasets::Normalisation normalisation_;
  std::unique_ptr<mtl::Model> model_;
  std::map<std::string, std::string> tables_;   // CSV text by task
  std::map<std::string, std::string> written_;  // names of results, and the picture they are of
  std::vector<Image> overview_;                 // the first overlays, small
};

void make_output_folder(const PredictOptions& options) {
  make_folder("--out", options.out);
  const fs::path input(options.input);
  const fs::path folder = fs::is_directory(input) ? input : input.parent_path();
  MEDUSA_CHECK_INPUT(!fs::equivalent(folder.empty() ? "." : folder, options.out),
                     "--out {}: is the folder of the input; results must not mix with it", options.out);
}

// The patients below --input, each into a folder of its own.
void predict_patients(const PredictOptions& options, RunOptions run) {
  run.data = options.input;
  run.cache_mib = 0;
  run.cache_disk.clear();
  const datasets::OpenKbp dataset(dataset_options(run));
  const auto model = mtl::load_model(run_file(options.run, "best.safetensors"));
  set_threads(options.threads);
  const Device device = open_device(options.device);
  model->to(device);
  make_output_folder(options);
  write_file(options.out + "/config.toml", options.config);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto patient = dataset.patient(i);
    const KbpPrediction prediction = predict_patient(*model, dataset, patient, {device, window_of(run)});
    write_prediction(prediction, patient, options.out + "/" + patient.id);
    fmt::print("{}: {}\n", dataset.folder(i), prediction_text(prediction));
  }
}

// "p1" of "scans/p1.nii.gz".
std::string stem_of(const fs::path& file) {
  const fs::path stem = file.stem();
  return (stem.extension() == ".nii" ? stem.stem() : stem).string();
}

// Scans in files of their own.
void predict_volumes(const PredictOptions& options, const RunOptions& run, const std::vector<std::string>& files) {
  const auto model = mtl::load_model(run_file(options.run, "best.safetensors"));
  set_threads(options.threads);
  const Device device = open_device(options.device);
  model->to(device);
  model->eval();
  make_output_folder(options);
  write_file(options.out + "/config.toml", options.config);
  const Size size = parse_size(run.size);
  std::map<std::string, std::string> written;
  for (const std::string& file : files) {
    const std::string stem = stem_of(file);
    const auto [seen, fresh] = written.emplace(stem, file);
    MEDUSA_CHECK_INPUT(fresh, "{}: its results would overwrite those of {}", file, seen->second);
    fmt::print("{}\n", predict_volume(*model, size.depth, file, window_of(run), options.out + "/" + stem));
  }
}

void predict(const PredictOptions& options) {
  MEDUSA_CHECK_INPUT(options.opacity >= 0 && options.opacity <= 1, "--opacity {}: expected 0 to 1", options.opacity);
  MEDUSA_CHECK_INPUT(options.threads >= 0 && options.threads <= 1024, "--threads {}: expected 0 to 1024",
                     options.threads);
  const RunOptions run = read_run_options(options.run);
  if (run.dataset == "openkbp") {
    const std::vector<std::string> scans = volume_files(options.input);
    return scans.empty() ? predict_patients(options, run) : predict_volumes(options, run, scans);
  }
  const std::vector<fs::path> files = pictures(options.input);
  const NoGrad no_grad;
  set_threads(options.threads);
  Predictor predictor(options, run, open_device(options.device));
  make_output_folder(options);
  write_file(options.out + "/config.toml", options.config);
  std::size_t failed = 0;
  for (const fs::path& file : files) {
    try {
      predictor.predict(file);
    } catch (const InputError& error) {
      fmt::print(stderr, "predict: {}\n", error.what());
      ++failed;
    }
  }
  predictor.write_tables();
  predictor.write_overview();
  MEDUSA_CHECK_INPUT(failed == 0, "{} of {} files left out", failed, files.size());
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa::tools;
  CommandLine command{kAbout, "predict"};
  PredictOptions options;
  command.option("--run", options.run, "folder of the training run: its config.toml and best.safetensors are used")
      .required();
  command
      .option("--input", options.input,
              "a PNG or JPEG file, or a folder of them (not searched deeper); openkbp: the folder of patients, or CTs")
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

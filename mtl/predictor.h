// Predictor: a training run's best network.  It takes the files of a case and answers on the case's own grid.
//
//   medusa::mtl::Predictor p("RUN");
//   for (const medusa::mtl::Answer& a : p.predict({"scan.nii.gz"}))
//     if (a.task.traits().exclusive && a.task.traits().pixel_level) use(a.classes());
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "datasets/cases/scan.h"
#include "mtl/inference/sliding_window.h"
#include "mtl/networks/model.h"
#include "mtl/training/run_folder.h"

namespace medusa::mtl {

// What the network says about one task of one case.  The volumes have the grid of the case's first file, [D, H, W, C]
// (of pictures D = 1), and are made when asked for.
struct Answer {
  Task task;
  Tensor output;  // raw, on the host: pixel-level [1, S, C] on the network's grid, image-level [1, C]
  std::shared_ptr<const datasets::CaseScan> scan;
  double least = -std::numeric_limits<double>::infinity();  // regression: amounts below are raised to it

  // Pixel-level: the raw output of a channel, [D, H, W, 1]; `outside` where the network saw nothing.
  datasets::Volume channel(std::int64_t channel, real outside) const;
  // Segmentation: the number of each voxel's class (of one channel 0 or 1), [D, H, W, 1]; 0 where nothing was seen.
  datasets::Volume classes() const;
  // Structures: 1 inside of a structure, [D, H, W, 1].
  datasets::Volume inside(std::int64_t structure) const;
  // Regression: amounts in task.unit, [D, H, W, C]; 0 where nothing was seen.
  datasets::Volume amounts() const;
  // Image-level, C numbers: classification and binary, probabilities from 0 to 1; scalar, amounts in task.unit.
  std::vector<double> numbers() const;
};

class Predictor {
 public:
  // Reads network and plan of the run in `folder`, and computes on `device`.  Throws InputError where a file is missing
  // or damaged, or the files do not fit each other.
  explicit Predictor(const std::string& folder, Device device = Device::CPU);
  // With another network in place of the run's, such as an Ensemble of it and others.
  Predictor(const std::string& folder, std::unique_ptr<Model> model, Device device = Device::CPU);

  Model& model() { return *model_; }
  const std::vector<Task>& tasks() const { return model_->tasks(); }
  // What the network was trained on: inputs with their normalisation, targets with their numbers, spacing.
  const datasets::CasePlan& plan() const { return plan_; }
  const datasets::Extent& size() const { return size_; }  // of its inputs; depth 0: pictures
  bool pictures() const { return size_.depth == 0; }
  datasets::Fit fit() const { return fit_; }
  const std::vector<std::string>& notes() const { return notes_; }  // what a user should know, a line each

  // The window that slides over a case; initially that of the run.  Without a size: the whole case at once.
  void set_window(SlidingWindow window) { window_ = std::move(window); }

  // Where files may lie that headers name.  Initially: beside the header.
  void set_data_folder(datasets::DataFolder folder) { plan_.folder = std::move(folder); }

  // A case as the network sees it, from a file for each of plan().inputs.  Throws InputError naming the file.
  datasets::CaseScan read(const std::vector<std::string>& files) const;
  // An answer for each task.  Throws Error with the case's name if an output is not finite, and InputError if the
  // window is invalid.
  std::vector<Answer> predict(const datasets::CaseScan& scan);
  std::vector<Answer> predict(const std::vector<std::string>& files) { return predict(read(files)); }

 private:
  void read_plan(const RunFolder& run);
  void plan_without_description(const RunFolder& run);
  void check_plan(const RunFolder& run) const;

  std::unique_ptr<Model> model_;
  datasets::CasePlan plan_;
  datasets::Extent size_;
  datasets::Fit fit_ = datasets::Fit::Cut;
  std::string axes_;  // Fit::Whole: of the network's grid, see to_orientation
  bool amounts_negative_ = true;
  SlidingWindow window_;
  std::vector<std::string> notes_;
};

// Per task the outputs for an input [N, S, C] of any size, computed where the model is, brought to the host.
std::vector<Tensor> outputs_on_host(Model& model, const Tensor& input);

}  // namespace medusa::mtl

// Predictions for runs on datasets that are lists of cases: scans and pictures in any file, answers on their own grid.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "datasets/cases/scan.h"
#include "datasets/images/image.h"
#include "mtl/inference/sliding_window.h"
#include "tools/cli/run_options.h"
#include "tools/predict/class_table.h"

namespace medusa::tools {

// How inputs of a run are made: RUN/dataset.toml.  Throws InputError where there is none (a run of old), or it does not
// fit the run's network.
datasets::CasePlan plan_of_run(const std::string& run_folder, const mtl::Model& model);

class CasePredictor {
 public:
  // Loads network and plan.  Throws InputError.
  CasePredictor(const std::string& run_folder, const RunOptions& run, Device device);

  const datasets::CasePlan& plan() const { return plan_; }
  bool pictures() const { return size_.depth == 0; }

  // Brings a case to the network as training did, and what the network says back to the grid of the first input's file.
  // Writes, in `out`, of scans
  //   <case>_<task>.nii.gz        segmentation: the numbers that the classes have in the dataset's own files;
  //                               regression: in its unit, float32
  //   <case>_<structure>.nii.gz   structures: 0 and 1
  // and of PNG and JPEG the same as .png (255 inside where there is one class), regression as .npy, and
  // <case>_overlay.png.  Where the network did not see the scan lies class 0, or 0.  Image-level tasks get a row of a
  // table.  Returns a line for people.  Throws InputError naming the file, Error where an output is not finite.
  std::string predict(const datasets::CaseRow& row, const std::string& out, double opacity);
  // <out>/<task>.csv and overview.png of the first pictures.
  void finish(const std::string& out) const;

 private:
  std::string write(const mtl::Task& task, const Tensor& y, const datasets::CaseScan& scan, const std::string& stem);
  std::string write_map(const mtl::Task& task, const std::vector<double>& values, const datasets::Volume& classes,
                        const datasets::CaseScan& scan, const std::string& file);
  std::vector<Var> outputs(const Tensor& input);

  std::unique_ptr<mtl::Model> model_;
  datasets::CasePlan plan_;
  datasets::Grid size_;
  mtl::SlidingWindow window_;
  ClassTables tables_;
  std::map<std::string, std::vector<double>> values_;      // of segmentations: the number of each class in files
  std::map<std::string, std::vector<std::string>> names_;  // of structures: what their files are called
  std::map<std::string, std::string> written_;             // names of results, and the case they are of
  datasets::Image overlay_;                                // of the picture at work
  double opacity_ = 0;
  std::size_t colour_ = 0;
  std::vector<datasets::Image> overview_;
};

// At most 240 pixels wide and high: for a sheet of several.
datasets::Image thumbnail(const datasets::Image& image);
constexpr std::size_t kOverviewPictures = 12;

}  // namespace medusa::tools

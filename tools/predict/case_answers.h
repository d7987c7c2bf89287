// Answers about cases as files: masks, amounts, overlays, tables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "datasets/images/image.h"
#include "mtl/predictor.h"
#include "tools/predict/class_table.h"

namespace medusa::tools {

class CaseWriter {
 public:
  // Of answers by `predictor`, into the folder `out`.
  CaseWriter(const mtl::Predictor& predictor, std::string out, double opacity);

  // Refuses a case that is called like one before.
  void claim(const datasets::CaseRow& row);
  // Throws InputError where a file of one case would overwrite that of another, as p1's structure L_Lung and p1_L's
  // Lung.
  void check_names(const std::vector<datasets::CaseRow>& rows) const;
  // Throws InputError if a file is there that would be overwritten: for a folder that is not one of earlier results.
  void check_absent(const std::vector<datasets::CaseRow>& rows) const;
  // Writes, for scans
  //   <case>_<task>.nii.gz        segmentation: the numbers that the classes have in the dataset's own files;
  //                               regression: in its unit, float32
  //   <case>_<structure>.nii.gz   structures: 0 and 1
  // and for PNG and JPEG the same as .png (255 inside if there is one class), regression as .npy, and
  // <case>_overlay.png.  Where the network did not see the scan, the answer is class 0, or 0.  Image-level tasks get a
  // row of a table.  Returns a line for people.
  std::string write(const datasets::CaseRow& row, const std::vector<mtl::Answer>& answers);
  // <out>/<task>.csv and overview.png of the first pictures.
  void finish() const;

 private:
  // Of all files that a case may get, without ending.
  std::vector<std::string> files_of(const datasets::CaseRow& row) const;
  std::string write_task(const mtl::Answer& answer, const std::string& stem);
  std::string write_structures(const mtl::Answer& answer, const std::string& stem);
  std::string write_amounts(const mtl::Answer& answer, const std::string& file);
  std::string write_map(const mtl::Answer& answer, const std::vector<double>& values, const datasets::Volume& classes,
                        const std::string& file);

  const std::vector<mtl::Task>& tasks_;
  std::string out_;
  double opacity_;
  bool file_names_;  // in tables, instead of the cases' ids
  ClassTables tables_;
  std::map<std::string, std::vector<double>> values_;      // of segmentations: the number of each class in files
  std::map<std::string, std::vector<std::string>> names_;  // of structures: what their files are called
  std::map<std::string, std::string> written_;             // names of results, and the case they are of
  datasets::Image overlay_;                                // of the current picture
  std::size_t colour_ = 0;
  std::vector<datasets::Image> overview_;  // the first overlays, small
};

}  // namespace medusa::tools

// Tables of class probabilities and of amounts: a file per task that has one answer per image, a row per image.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mtl/predictor.h"

namespace medusa::tools {

class ClassTables {
 public:
  // A table for each image-level task; `first`: the title of the column with the images' names.
  ClassTables(const std::vector<mtl::Task>& tasks, const std::string& first);
  // Adds a row: probabilities, and what is predicted (several findings at once are joined by a semicolon); for a scalar
  // its amounts, in the task's unit.  Returns the same for people.
  std::string add(const mtl::Answer& answer, const std::string& image);
  // <folder>/<task>.csv
  void write(const std::string& folder) const;

 private:
  std::string add_amounts(const mtl::Answer& answer, const std::string& image);

  std::map<std::string, std::string> tables_;  // CSV text by task
};

}  // namespace medusa::tools

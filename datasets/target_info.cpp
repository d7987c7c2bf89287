#include "datasets/target_info.h"

#include <algorithm>

#include "tensor/check.h"

namespace medusa {

const std::vector<KindTraits>& task_kinds() {
  using enum TaskKind;
  static const std::vector<KindTraits> rows = {
      // kind, name, about
      //     pixel_level, exclusive, in_units, column_per_channel, channel_mask
      {Segmentation, "segmentation", "the class of every pixel",  //
       true, true, false, false, false},
      {Structures, "structures", "outlines that may overlap: yes or no for every pixel and structure",  //
       true, false, false, true, true},
      {Regression, "regression", "an amount in every pixel",  //
       true, false, true, false, false},
      {Classification, "classification", "the class of the image",  //
       false, true, false, false, false},
      {Binary, "binary", "yes or no for the image, one answer or several",  //
       false, false, false, true, false},
      {Scalar, "scalar", "an amount of the whole image, such as an age",  //
       false, false, true, true, false},
  };
  return rows;
}

const KindTraits& traits(TaskKind kind) { return task_kinds().at(static_cast<std::size_t>(kind)); }

TaskKind task_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const KindTraits& row : task_kinds()) {
    if (row.name == name) return row.kind;
    names.emplace_back(row.name);
  }
  fail_input("task kind {} is unknown; there are: {}", name, fmt::join(names, ", "));
}

}  // namespace medusa

namespace medusa::datasets {
namespace {

TargetInfo of_classes(TaskKind kind, const std::string& name, const std::vector<std::string>& classes) {
  return {name, kind, static_cast<std::int64_t>(classes.size()), classes};
}

}  // namespace

TargetInfo segmentation(const std::string& name, const std::vector<std::string>& classes) {
  return of_classes(TaskKind::Segmentation, name, classes);
}
TargetInfo structures(const std::string& name, const std::vector<std::string>& classes) {
  return of_classes(TaskKind::Structures, name, classes);
}
TargetInfo regression(const std::string& name, double scale, const std::string& unit) {
  return {name, TaskKind::Regression, 1, {name}, scale, unit};
}
TargetInfo classification(const std::string& name, const std::vector<std::string>& classes) {
  return of_classes(TaskKind::Classification, name, classes);
}
TargetInfo binary(const std::string& name, const std::vector<std::string>& classes) {
  return of_classes(TaskKind::Binary, name, classes);
}

}  // namespace medusa::datasets

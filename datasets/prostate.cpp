#include "datasets/prostate.h"

#include <filesystem>
#include <set>

#include "datasets/cases/case_table.h"
#include "datasets/formats/csv.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

// The other side's name: FemurLeft and FemurRight, Left_Femur and Right_Femur, Femur_L and Femur_R.
std::string other_side(const std::string& name) {
  constexpr std::pair<const char*, const char*> kSides[] = {{"Left", "Right"}, {"left", "right"}, {"_L", "_R"}};
  for (const auto& [left, right] : kSides)
    for (const auto& [from, to] : {std::pair<std::string, std::string>{left, right}, {right, left}}) {
      if (name.ends_with(from)) return name.substr(0, name.size() - from.size()) + to;
      if (from[0] != '_' && name.starts_with(from)) return to + name.substr(from.size());
    }
  return name;
}

}  // namespace

CasePlan prostate_plan(const DatasetOptions& options) {
  const std::string path = options.folder + "/cases.csv";
  MEDUSA_CHECK_INPUT(fs::is_directory(options.folder), "{}: there is no such folder", options.folder);
  MEDUSA_CHECK_INPUT(options.depth > 0, "prostate: size {}x{} has two sides, volumes have three, such as 64x64x64",
                     options.height, options.width);
  const Table table = read_csv(path);
  Description d;
  CaseTarget structures{{"structures", TaskKind::Structures, 0, {}}, {}, {}};
  std::vector<std::string>& classes = structures.info.classes;
  bool body = false;
  for (const std::string& column : table.header) {
    body = body || column == "body";
    if (std::set<std::string>{"case", "split", "group", "ct", "dose", "body"}.contains(column)) continue;
    classes.push_back(column);
  }
  MEDUSA_CHECK_INPUT(!classes.empty(), "{}:1: has no column of a structure beside case, ct and dose", path);
  structures.info.channels = static_cast<std::int64_t>(classes.size());
  for (std::size_t a = 0; a < classes.size(); ++a)
    for (std::size_t b = a + 1; b < classes.size(); ++b)
      if (other_side(classes[a]) == classes[b]) structures.mirrored.push_back({a, b});
  d.plan.inputs = {{"ct", "ct", 1, {{-160, 240}}, {}, {}, false}};
  d.plan.targets = {structures, {{"dose", TaskKind::Regression, 1, {"dose"}, 70, "Gy"}, {}, {}}};
  d.target_columns = {{classes, "", "", path}, {{"dose"}, body ? "body" : "", "", path}};
  d.plan.field_of_view = 384;
  return read_cases(d, path, "prostate", options.problems);
}

}  // namespace medusa::datasets

#include "datasets/layouts/stoic.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "datasets/formats/cell.h"
#include "datasets/formats/csv.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnds[] = {".mha", ".mhd", ".nii.gz", ".nii"};

// PatientID -> path.
std::map<std::string, std::string> list_volumes(const std::string& folder) {
  std::map<std::string, std::string> volumes;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    for (const std::string ending : kEnds) {
      if (!name.ends_with(ending) || name.size() == ending.size()) continue;
      const auto [other, fresh] = volumes.emplace(name.substr(0, name.size() - ending.size()), it->path().string());
      MEDUSA_CHECK_INPUT(fresh, "{} and {}: the same patient twice", std::min(other->second, it->path().string()),
                         std::max(other->second, it->path().string()));
      break;
    }
  }
  MEDUSA_CHECK_INPUT(!error, "{}: cannot be listed: {}", folder, error.message());
  return volumes;
}

}  // namespace

std::vector<StoicRow> read_stoic_reference(const std::string& path, std::vector<std::string>* problems) {
  const Table table = read_csv(path);
  const std::size_t id = table.column("PatientID"), covid = table.column("probCOVID"),
                    severe = table.column("probSevere");
  MEDUSA_CHECK_INPUT(!table.rows.empty(), "{}: has a header but no rows", path);
  std::vector<StoicRow> rows;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    attempt(problems, [&] {
      const std::vector<std::string>& fields = table.rows[i];
      const std::string where = table.where(i);
      MEDUSA_CHECK_INPUT(!fields[id].empty(), "{}: has no PatientID", where);
      check_name(fields[id], where, "PatientID");
      StoicRow row{fields[id], where, yes_or_no(fields[covid], where, "probCOVID"),
                   yes_or_no(fields[severe], where, "probSevere")};
      MEDUSA_CHECK_INPUT(row.covid || !row.severe, "{}: patient {} is severe but has no COVID-19", where, row.patient);
      MEDUSA_CHECK_INPUT(seen.insert(row.patient).second, "{}: patient {} is listed twice", where, row.patient);
      rows.push_back(std::move(row));
    });
  return rows;
}

CasePlan stoic_plan(const DatasetOptions& options) {
  const std::string table = options.folder + "/metadata/reference.csv", folder = options.folder + "/data/mha";
  MEDUSA_CHECK_INPUT(fs::is_directory(options.folder), "{}: there is no such folder", options.folder);
  MEDUSA_CHECK_INPUT(options.size.depth > 0, "stoic: size {} has two sides, volumes have three, such as 64x64x64",
                     options.size.text());
  const std::vector<StoicRow> reference = read_stoic_reference(table, options.problems);
  MEDUSA_CHECK_INPUT(fs::is_directory(folder), "{}: there is no such folder", folder);
  std::map<std::string, std::string> volumes = list_volumes(folder);

  CasePlan plan;
  plan.name = "stoic";
  plan.folder = data_folder(options);
  plan.inputs = {{"ct", "ct", 1, {{stoic::kLow, stoic::kHigh}}, {}, {}, false}};
  plan.targets = {{binary("covid", {"covid"}), {}, {}}, {binary("severe", {"severe"}), {}, {}}};
  plan.field_of_view = stoic::kFieldOfView;
  std::size_t covid = 0, severe = 0;
  for (const StoicRow& row : reference) {
    covid += row.covid;
    severe += row.severe;
    const auto volume = volumes.find(row.patient);
    if (volume == volumes.end()) continue;
    CaseRow c{row.patient, "", "", row.where, {volume->second}, {{}, {}}};
    c.labels[0].numbers = {row.covid ? real(1) : real(0)};
    if (row.covid) c.labels[1].numbers = {row.severe ? real(1) : real(0)};
    plan.rows.push_back(std::move(c));
    volumes.erase(volume);
  }
  MEDUSA_CHECK_INPUT(!plan.rows.empty(), "{}: holds no volume of the {} patients in {}", folder, reference.size(),
                     table);
  plan.notes.push_back(fmt::format("{}: {} patients: {} without COVID-19, {} with it, {} of these severe", table,
                                   reference.size(), reference.size() - covid, covid, severe));
  if (plan.rows.size() < reference.size())
    plan.notes.push_back(fmt::format("{}: {} of {} patients have no volume in {} and are left out", table,
                                     reference.size() - plan.rows.size(), reference.size(), folder));
  if (!volumes.empty())
    plan.notes.push_back(fmt::format("{}: {} volumes belong to no patient in {} and are left out, {} among them",
                                     folder, volumes.size(), table,
                                     fs::path(volumes.begin()->second).filename().string()));
  return plan;
}

}  // namespace medusa::datasets

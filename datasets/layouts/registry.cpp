#include "datasets/layouts/registry.h"

#include "datasets/layouts/folder.h"
#include "datasets/layouts/ham10000.h"
#include "datasets/layouts/openkbp.h"
#include "datasets/layouts/prostate.h"
#include "datasets/layouts/stoic.h"

namespace medusa::datasets {

// A new dataset needs one line in each of these three functions.
std::vector<std::string> dataset_names() { return {"ham10000", "openkbp", "stoic", "prostate", "folder"}; }

Extent default_size(const std::string& name, const std::string& folder) {
  if (name == "ham10000") return {96, 128};
  if (name == "openkbp" || name == "stoic" || name == "prostate") return {64, 64, 64};
  if (name == "folder") return folder_size(folder);
  fail_input("dataset {} is unknown; there are: {}", name, fmt::join(dataset_names(), ", "));
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  MEDUSA_CHECK_INPUT(options.spacing.empty() || (options.name != "ham10000" && options.name != "openkbp"),
                     "{}: spacing cannot be chosen: it follows from the size", options.name);
  MEDUSA_CHECK_INPUT(options.cache_folder.empty() || options.name != "ham10000",
                     "ham10000: caches in memory only, not on disk (cache-disk)");
  if (options.name == "ham10000") return std::make_unique<Ham10000>(options);
  if (options.name == "openkbp") return std::make_unique<OpenKbp>(options);
  if (options.name == "folder") return std::make_unique<CaseDataset>(folder_plan(options), options);
  if (options.name == "prostate") return std::make_unique<CaseDataset>(prostate_plan(options), options);
  if (options.name == "stoic") return std::make_unique<CaseDataset>(stoic_plan(options), options);
  fail_input("dataset {} is unknown; there are: {}", options.name, fmt::join(dataset_names(), ", "));
}

}  // namespace medusa::datasets

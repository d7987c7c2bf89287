#include "datasets/registry.h"

#include "datasets/ham10000.h"
#include "datasets/openkbp.h"

namespace medusa::datasets {

// A new dataset needs one line in each of these three functions.
std::vector<std::string> dataset_names() { return {"ham10000", "openkbp"}; }

std::string default_size(const std::string& name) {
  if (name == "ham10000") return "96x128";
  if (name == "openkbp") return "64x64x64";
  fail_input("dataset {} is unknown; there are: {}", name, fmt::join(dataset_names(), ", "));
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  if (options.name == "ham10000") return std::make_unique<Ham10000>(options);
  if (options.name == "openkbp") return std::make_unique<OpenKbp>(options);
  fail_input("dataset {} is unknown; there are: {}", options.name, fmt::join(dataset_names(), ", "));
}

}  // namespace medusa::datasets

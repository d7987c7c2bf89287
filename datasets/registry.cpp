#include "datasets/registry.h"

#include "datasets/ham10000.h"

namespace medusa::datasets {

// A new dataset needs one line in each of these two functions.
std::vector<std::string> dataset_names() { return {"ham10000"}; }

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  if (options.name == "ham10000") return std::make_unique<Ham10000>(options);
  fail_input("dataset {} is unknown; there are: {}", options.name, fmt::join(dataset_names(), ", "));
}

}  // namespace medusa::datasets

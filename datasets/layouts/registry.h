// All datasets by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/options.h"

namespace medusa::datasets {

std::vector<std::string> dataset_names();
// "ham10000 96x128, ...": default_size of each, for help texts.
std::string default_sizes_text();
// The size of inputs that a dataset is best begun with.  A dataset that describes itself is asked for its own, in
// `folder`.  Throws InputError.
Extent default_size(const std::string& name, const std::string& folder);

// Throws InputError: an unknown name (lists the names), a size below 1, whatever is wrong with the folder.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

}  // namespace medusa::datasets

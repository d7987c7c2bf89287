// How to open a dataset: where it is and what its samples shall look like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/transforms.h"

namespace medusa::datasets {

struct DatasetOptions {
  std::string name = "ham10000";                     // one of dataset_names()
  std::string folder;                                // in the dataset's own layout
  std::int64_t depth = 0, height = 96, width = 128;  // depth 0: pictures
  std::vector<std::string> inputs;                   // beside the image: see the dataset's header
  Normalisation normalisation;
  AugmentOptions augment;
  std::int64_t cache_bytes = std::int64_t{1} << 30;  // for decoded, resized samples; 0: no cache
  std::string cache_folder;                          // for the same on disk (disk_cache.h); "": not there
};

}  // namespace medusa::datasets

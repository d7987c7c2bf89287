// How to open a dataset: where it is and what its samples shall look like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/extent.h"
#include "datasets/formats/data_folder.h"
#include "datasets/transforms/transforms.h"
#include "tensor/check.h"

namespace medusa::datasets {

struct DatasetOptions {
  std::string name = "ham10000";  // one of dataset_names()
  std::string folder;             // in the dataset's own layout
  Extent size{96, 128};
  std::vector<std::string> inputs;  // beside the image: see the dataset's header
  std::vector<double> spacing;      // mm along depth, height, width, or one for all; none: the dataset's own
  Normalisation normalisation;
  AugmentOptions augment;
  std::int64_t cache_bytes = std::int64_t{1} << 30;  // for decoded, resized samples; 0: no cache
  std::string cache_folder;                          // for the same on disk (disk_cache.h); "": not there
  bool follow_outside = false;                       // read files outside of `folder` that headers and tables name
  // If set, invalid rows and cases are skipped and the reason is appended here, instead of thrown.
  std::vector<std::string>* problems = nullptr;
};

inline DataFolder data_folder(const DatasetOptions& options) { return {options.folder, options.follow_outside}; }

// Calls body(); if `problems` is set, an InputError is appended to it.  Returns whether body() succeeded.
template <class Body>
bool attempt(std::vector<std::string>* problems, const Body& body) {
  if (problems == nullptr) {
    body();
    return true;
  }
  try {
    body();
  } catch (const InputError& error) {
    problems->push_back(error.what());
    return false;
  }
  return true;
}

}  // namespace medusa::datasets

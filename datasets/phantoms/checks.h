// What the phantoms of several layouts ask of their options.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/phantoms/phantom.h"
#include "tensor/check.h"

namespace medusa::datasets {

// Throws InputError if there are no or too many patients, or a volume's size is out of range.
inline void check_volumes(const PhantomOptions& o) {
  MEDUSA_CHECK_INPUT(o.count > 0 && o.count <= 10000, "count is {}, expected 1 to 10000 patients", o.count);
  for (std::int64_t side : {o.size.depth, o.size.height, o.size.width})
    MEDUSA_CHECK_INPUT(side >= 8 && side <= 512, "size is {}, expected 8x8x8 to 512x512x512", o.size.text());
}

// Throws InputError if the file or folder already exists.
inline void check_new(const std::string& path) {
  MEDUSA_CHECK_INPUT(!std::filesystem::exists(path), "{}: already exists; choose a new folder, or remove the old one",
                     path);
}

}  // namespace medusa::datasets

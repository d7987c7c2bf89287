// What `train --arch help` says: the parts of every architecture, how many parameters are in each,
// and its options.
#pragma once

#include <map>
#include <string>

#include "mtl/networks/model.h"

namespace medusa::tools {

// A table per architecture, for this backbone, these widths and tasks, with the options of its own that it has in
// `options`, by architecture; config.arch does not matter.  An architecture that cannot be built (MTAN of a single
// task) says why instead.
std::string architectures_text(mtl::ModelConfig config, const std::map<std::string, OptionValues>& options);

}  // namespace medusa::tools

// What `train --arch help` says: the parts of every architecture, and how many parameters are in each.
#pragma once

#include <string>

#include "mtl/networks/model.h"

namespace medusa::tools {

// A table per architecture, for this backbone, these widths and tasks; config.arch does not matter.  An architecture
// that cannot be built (MTAN and CTAN of a single task) says why instead.
std::string architectures_text(mtl::ModelConfig config);

}  // namespace medusa::tools

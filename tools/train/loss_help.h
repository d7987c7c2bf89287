// train --loss help: which losses there are, and for what.
#pragma once

#include <string>

namespace medusa::tools {

std::string losses_text();

}  // namespace medusa::tools

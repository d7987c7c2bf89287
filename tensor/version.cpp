// MEDUSA_VERSION and MEDUSA_COMMIT come from CMake, for this file alone: a new commit compiles one file.
#include "tensor/version.h"

namespace medusa {

const char* version() { return MEDUSA_VERSION; }
const char* commit() { return MEDUSA_COMMIT; }

}  // namespace medusa

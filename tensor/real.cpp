#include "tensor/real.h"

namespace medusa::number_type {

#if defined(MEDUSA_REAL_DOUBLE)
const char medusa_was_built_with_double = 1;
#else
const char medusa_was_built_with_float = 1;
#endif

}  // namespace medusa::number_type

// Which medusa this is.
#pragma once

namespace medusa {

const char* version();  // "0.1.0"
const char*
commit();  // of the sources when they were configured, "1a2b3c4", with "+" where they differed; "" if unknown

}  // namespace medusa

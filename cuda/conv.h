// The convolution's one knob.
#pragma once

#include <cstdint>

namespace medusa::cuda {

// A convolution unfolds its input (see conv.cu) at most so many bytes at a time.  Tests make it small.
void set_conv_memory(std::int64_t bytes);

}  // namespace medusa::cuda

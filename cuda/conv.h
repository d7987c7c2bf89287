// The convolution's one knob.
#pragma once

#include <cstdint>

namespace medusa::cuda {

// A convolution's scratch memory (see conv.cu) has at most `bytes` bytes, or what one pixel needs; the weights of a
// transposed pass, packed, come on top.  64 MiB unless tests make it small.
void set_conv_memory(std::int64_t bytes);

}  // namespace medusa::cuda

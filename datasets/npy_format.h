// One .npy array inside a stream: what npy.cpp and npz.cpp share.
#pragma once

#include "datasets/byte_stream.h"
#include "datasets/npy.h"

namespace medusa::datasets {

NpyArray read_npy_stream(ByteStream& stream);
void write_npy_stream(const NpyArray& array, const std::string& name, const Sink& sink);

}  // namespace medusa::datasets

// One .npy array inside a stream: what formats/npy.cpp and formats/npz.cpp share.
#pragma once

#include "datasets/formats/byte_stream.h"
#include "datasets/formats/npy.h"

namespace medusa::datasets {

NpyArray read_npy_stream(ByteStream& stream);
void write_npy_stream(const NpyArray& array, const std::string& name, const Sink& sink);

}  // namespace medusa::datasets

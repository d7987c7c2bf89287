// Voxel values between a file's numbers and a tensor's: byte order, number type, slope and intercept, place of the
// channels.  What every reader and writer of volumes shares.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/formats/byte_stream.h"
#include "datasets/volumes/volume.h"

namespace medusa::datasets {

struct VoxelFormat {
  ScalarType type = ScalarType::Float32;
  bool big_endian = false;
  bool planar = false;  // channels one volume after the other (time points in NIfTI) instead of interleaved
  double slope = 1, intercept = 0;
};

// The product of the sizes.  Throws InputError naming the file if one is below 1 or the product exceeds 2^58.
std::int64_t checked_product(const std::vector<std::int64_t>& sizes, const std::string& name);

// Sets values, stored, slope, intercept and rounded of `volume` from the stream; `shape` is [D, H, W, C].  The size is
// checked against what the stream can deliver before memory is allocated.  Throws InputError if it is too large, if the
// stream ends early, or if a float64 is beyond float.
void read_voxels(ByteStream& stream, const VoxelFormat& format, const Shape& shape, Volume* volume);

// Writes the values as numbers of `type` under slope and intercept: rounded to the nearest for integers, little endian.
// Throws InputError if a value does not fit (`name` is the file): nothing is clipped.
void write_voxels(const Volume& volume, const VoxelFormat& format, const std::string& name, const Sink& sink);

// The type for files that have no slope and intercept: `stored`, or that of `real` if the stored numbers are not the
// values.
ScalarType unscaled_type(const Volume& volume);

// n numbers as doubles.
std::vector<double> read_doubles(ByteStream& stream, ScalarType type, bool big_endian, std::size_t n);

}  // namespace medusa::datasets

// Sparse volumes as text, the way OpenKBP distributes them: a header ",data", then "index,value" per voxel that is not
// zero; masks have "index," alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/real.h"

namespace medusa::datasets {

// The rows of one file, in its order.
struct SparseVolume {
  std::vector<std::int32_t> index;  // of voxels, counted row by row from 0; no voxel twice
  std::vector<float> value;         // as many; empty: the file is a mask
  bool is_mask() const { return value.empty(); }
};

// `voxels`: how many the volume has.  LF and CRLF are accepted, rows in any order.  Throws InputError with file:line
// for another header, an index that is not a whole number in 0..voxels-1 or appears twice, a value that is not a finite
// number, rows with and without values in one file.  A file without rows is an empty mask.
SparseVolume parse_sparse_csv(std::string_view text, const std::string& name, std::int64_t voxels);
// Also throws InputError if the file has more bytes than `voxels` rows can need.
SparseVolume read_sparse_csv(const std::string& path, std::int64_t voxels);

// The text of a volume: rows for the places where `where` is not 0, in ascending order, values with at most `decimals`
// digits after the point.  The text of a mask likewise, without values.
std::string sparse_csv(std::span<const real> values, std::span<const std::uint8_t> where, int decimals = 3);
std::string sparse_csv_mask(std::span<const std::uint8_t> where);

}  // namespace medusa::datasets

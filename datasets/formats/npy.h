// NumPy arrays: .npy holds one, .npz (a zip archive of .npy files) holds several by name.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "datasets/volumes/volume.h"

namespace medusa::datasets {

struct NpyArray {
  Tensor values;  // in the array's own shape, last axis fastest whatever the order in the file; up to 6 axes
  ScalarType stored = ScalarType::Float32;
  std::int64_t rounded = 0;     // as Volume::rounded
  std::vector<double> doubles;  // the unrounded numbers of an array of up to 64: an affine, a spacing
  std::string text;             // the value of an array that is one string (type S); `values` is empty then
};

using NpzArrays = std::map<std::string, NpyArray>;

// Reads C and Fortran order, both byte orders, integers of 8 to 64 bits, bool (as uint8), float32 and float64.  Throws
// InputError naming the file: objects, text, complex and half-precision numbers, damage, an early end.
NpyArray read_npy(const std::string& path);
NpyArray decode_npy(std::span<const unsigned char> bytes, const std::string& name);
// Reads all arrays of an archive: stored or deflated, no zip64 (4 GiB and more), no encryption; checksums are verified.
NpzArrays read_npz(const std::string& path);
NpzArrays decode_npz(std::span<const unsigned char> bytes, const std::string& name);

// Writes C order, little endian, as type `stored`; writes `doubles` instead of `values` if there are as many.  Throws
// InputError if a value does not fit.
void write_npy(const std::string& path, const NpyArray& array);
void write_npz(const std::string& path, const NpzArrays& arrays);

// An array as a volume: its axes are [D, H, W, C], [D, H, W], [H, W] or [W], which is what SimpleITK's
// GetArrayFromImage gives and the reverse of nibabel's [i, j, k].  An archive must hold `values`, or else a single
// array besides `affine` (4 x 4, RAS+ mm) and `unit`, both optional.  Without affine a voxel is 1 mm and axes are RAS+.
Volume volume_of(const NpyArray& array, const std::string& name);
Volume volume_of(const NpzArrays& arrays, const std::string& name);
// The reverse: values with their stored type (float32 where it had slope and intercept), affine and unit.
NpyArray array_of(const Volume& volume);
NpzArrays arrays_of(const Volume& volume);

}  // namespace medusa::datasets

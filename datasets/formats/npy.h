// Arrays of numpy: .npy holds one, .npz (a zip archive of .npy files) several by name.
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
  std::vector<double> doubles;  // of an array of up to 64 numbers also these, unrounded: an affine, a spacing
  std::string text;             // of an array that is one string (type S): that, and no values
};

using NpzArrays = std::map<std::string, NpyArray>;

// Reads C and Fortran order, both byte orders, integers of 8 to 64 bits, bool (as uint8), float32 and float64.  Throws
// InputError naming the file: objects, text, complex and half-precision numbers, damage, an early end.
NpyArray read_npy(const std::string& path);
NpyArray decode_npy(std::span<const unsigned char> bytes, const std::string& name);
// Of every array of an archive: stored or deflated, no zip64 (4 GiB and more), no encryption; checksums are compared.
NpzArrays read_npz(const std::string& path);
NpzArrays decode_npz(std::span<const unsigned char> bytes, const std::string& name);

// C order, least significant byte first, as type `stored`; `doubles`, where there are as many as values, are written
// instead of these.  Throws InputError where a value does not fit.
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

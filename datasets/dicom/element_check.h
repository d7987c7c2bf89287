// Checks made before DCMTK sees a file, since DCMTK trusts the lengths in a file and recurses into each level of
// nesting.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace medusa::datasets {

// Where the elements of a file begin, and how they are encoded.
struct DicomLayout {
  std::string transfer_syntax;          // UID
  std::size_t begin = 0;                // after the file meta information
  std::vector<unsigned char> inflated;  // all elements of a deflated file, unpacked: read these instead
};

// Reads the file meta information and walks over the elements without looking at their values.  Throws InputError
// naming the file if one is longer than what contains it, sequences are nested more than 32 deep, or a deflated file
// unpacks to more than an image can need.
DicomLayout guard_dicom(std::span<const unsigned char> bytes, const std::string& name);

}  // namespace medusa::datasets

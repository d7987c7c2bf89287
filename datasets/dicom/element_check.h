// What is checked before DCMTK sees a file, for it believes what a file says of its lengths and calls itself for each
// level of nesting.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace medusa::datasets {

// Where the elements of a file begin, and how they are encoded.
struct DicomLayout {
  std::string transfer_syntax;          // UID
  std::size_t begin = 0;                // behind the file's own description
  std::vector<unsigned char> inflated;  // of a deflated file all elements, unpacked: these are to be read
};

// Reads the file's own description and walks over the elements without looking at their values.  Throws InputError
// naming the file where one is longer than what holds it, sequences are nested more than 32 deep, or a deflated file
// unpacks to more than an image can need.
DicomLayout guard_dicom(std::span<const unsigned char> bytes, const std::string& name);

}  // namespace medusa::datasets

// What is checked before DCMTK sees a file, for it believes what a file says of its lengths and calls itself for each
// level of nesting.
#pragma once

#include <span>
#include <string>

namespace medusa::datasets {

// How the elements are encoded: as the file's own description says; or, where it has none, with value representations
// or without, least significant byte first.
enum class DicomLayout { Told, BareExplicit, BareImplicit };

// Walks over the elements without looking at their values.  Throws InputError naming the file where one is longer than
// what holds it, sequences are nested more than 32 deep, or a deflated file unpacks to more than an image can need.
DicomLayout guard_dicom(std::span<const unsigned char> bytes, const std::string& name);

}  // namespace medusa::datasets

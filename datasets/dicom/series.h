// From the frames of a series, in any order, to slices in the order in which they lie in the patient.
#pragma once

#include <string>
#include <vector>

#include "datasets/dicom/image.h"

namespace medusa::datasets {

struct DicomSlice {
  std::size_t file = 0, frame = 0;  // places in the list of headers, and in that file
  bool missing = false;             // in a gap: to be made from its neighbours
};

struct DicomStack {
  std::vector<DicomSlice> slices;   // sorted along the normal
  std::vector<DicomSlice> doubles;  // at the position of another slice: their values must be the same
  std::vector<std::size_t> of;      // for each double, which slice it repeats
  Affine affine;                    // of the volume, RAS+ mm; sheared where the gantry was tilted
  std::vector<std::string> notes;   // what a user should know, a line each
};

// Sorts by position along the normal of the planes, never by name, number or UID.  Throws InputError naming the files
// if sizes, spacings or orientations differ, positions do not grow in equal steps, or slices are missing; these are
// marked instead where `fill_gaps` is set and the gap is a whole number of steps.
DicomStack stack_dicom(const std::vector<DicomHeader>& headers, bool fill_gaps);

}  // namespace medusa::datasets

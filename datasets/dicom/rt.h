// Radiotherapy objects: the contours of a structure set, and a dose.  Millimetres are DICOM's, LPS+.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/dicom/image.h"

namespace medusa::datasets {

using DicomContour = std::vector<Vec3>;  // a closed outline, in one plane

struct DicomRoi {
  int number = 0;
  std::string name;                    // as the file has it, control characters aside
  std::string frame_of_reference;      // UID; "" where not said
  std::vector<DicomContour> contours;  // of at least three points
  std::int64_t left_out = 0;           // points, open lines, and outlines of fewer than three points
};

struct DicomStructures {
  std::string path;
  std::vector<std::string> frames_of_reference, series;  // UIDs that the set refers to
  std::vector<DicomRoi> rois;                            // in the file's order
  std::vector<std::string> notes;                        // what a user should know, a line each
};

// Contours of a structure that the file does not name are left out, with a note.  Throws InputError naming the file:
// contours that are not triples of numbers, or two structures with one number.
DicomStructures read_dicom_structures(const DicomItem& root);

struct DicomDose {
  std::string path, frame_of_reference, summation;  // PLAN, BEAM, FRACTION ...
  DicomPlane plane;                                 // of the first frame
  std::vector<double> offsets;                      // mm along the normal, from the first frame to each; monotonic
  std::int64_t rows = 0, columns = 0;
  std::vector<real> values;  // Gy: [frame, row, column]
};

// Throws InputError: units other than Gy, errors instead of doses, no scaling, offsets that fit neither convention.
DicomDose read_dicom_dose(DicomFile& file);
// The offsets from the first frame, mm along the normal, of a GridFrameOffsetVector.  It has two conventions: such
// offsets, the first of them 0; or, where planes are axial, their places on the patient's z axis.
std::vector<double> dose_offsets(const std::vector<double>& vector, const DicomPlane& plane, const std::string& name);

}  // namespace medusa::datasets

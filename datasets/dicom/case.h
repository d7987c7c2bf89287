// A folder of DICOM files as one case: a scan, a dose on its grid, and masks of its structures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/dicom/grid.h"

namespace medusa::datasets {

struct DicomOptions {
  std::string series;                   // SeriesInstanceUID; "": the only one there is
  std::string acquisition;              // of the series, as a refusal lists them; "": all its files are one
  std::vector<std::string> structures;  // by name; empty: all
  std::string rtstruct, rtdose;         // files; "": the only one there is
  bool fill_gaps = false;               // missing slices are made from their neighbours
};

struct DicomStructure {
  std::string name, key;             // key: the name as part of a file's name, unique in the case
  std::vector<std::uint8_t> values;  // [D, H, W]: 1 inside
  std::int64_t voxels = 0;
};

struct DicomCase {
  Volume ct;                               // HU ("" for MR), slices sorted along their normal
  std::optional<Volume> dose;              // Gy, on the scan's grid
  std::vector<DicomStructure> structures;  // those with at least one voxel
  std::vector<std::string> notes;          // what a user should know, a line each
  std::string series, modality;
  std::int64_t files = 0;  // of the series
};

// Reads a folder, with all that is below it, or a single file.  Throws InputError, of one line: no series or several, a
// damaged file, slices that do not form a volume (see stack_dicom), structures or doses that do not fit.
DicomCase read_dicom_case(const std::string& path, const DicomOptions& options);

// Mask of a structure as a volume on the scan's grid.
Volume structure_volume(const DicomCase& study, const DicomStructure& structure);

// Writes NAME.nii.gz (or .nii): the scan; NAME_dose.nii.gz; NAME_<key>.nii.gz, a mask each; and NAME_structures.csv
// with the columns name, file, voxels, cm3.  Or NAME.npz: arrays ct, dose and <key> [D, H, W], spacing (mm, of the axes
// W, H, D) and affine (4 x 4, (i, j, k) = (W, H, D) to RAS+ mm).  Returns the files written.  An earlier conversion to
// the same name is replaced.  Throws InputError, and writes nothing, if one of its files would remain beside the new
// ones, or one of these is a structure of another case in the folder.
std::vector<std::string> write_dicom_case(const std::string& path, const DicomCase& study);
// Throws InputError if write_dicom_case would refuse the name.
void check_dicom_output(const std::string& path);

// Letters, digits, '-', '_' and '.' stay, the rest becomes '_'; a number is added where the key is taken.
std::string structure_key(const std::string& name, const std::vector<std::string>& taken);

}  // namespace medusa::datasets

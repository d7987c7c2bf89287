// What one DICOM file says of its image, and the image's values: CT and MR, single frames and enhanced multi-frame.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/dicom/dataset.h"
#include "datasets/volumes/affine.h"
#include "tensor/real.h"

namespace medusa::datasets {

// Where the pixels of one frame lie.  All millimetres are DICOM's: LPS+, x to the left, y to posterior, z to superior.
struct DicomPlane {
  Vec3 position{};                             // the centre of the first pixel
  Vec3 row{1, 0, 0};                           // unit vector along a row: the column index grows
  Vec3 column{0, 1, 0};                        // unit vector along a column: the row index grows
  double row_spacing = 1, column_spacing = 1;  // mm from row to row, and from column to column
  Vec3 normal() const;                         // row x column
  double along_normal() const;                 // where on it the plane lies, mm
};

struct DicomFrame {
  DicomPlane plane;
  double slope = 1, intercept = 0;  // value = slope * stored number + intercept
  double thickness = 0;             // mm, or the spacing between slices if that is given; 0: not given
};

// SOPClassUIDs.
inline constexpr std::string_view kDicomDose = "1.2.840.10008.5.1.4.1.1.481.2",
                                  kDicomStructures = "1.2.840.10008.5.1.4.1.1.481.3";

enum class DicomKind { Image, Structures, Dose, Other };

struct DicomHeader {
  std::string path;
  DicomKind kind = DicomKind::Other;
  std::string modality, series, series_description, frame_of_reference, instance;  // UIDs but for the first and third
  // What tells the acquisitions of a series apart: AcquisitionNumber, EchoNumbers, TemporalPositionIdentifier and
  // ImageType; "" where the file does not say.
  std::array<std::string, 4> acquisition;
  bool localizer = false;  // a scout view
  std::int64_t rows = 0, columns = 0;
  std::vector<DicomFrame> frames;  // of an Image
};

// The header of any DICOM file.  Throws InputError if it is damaged, or is an image that does not say where its pixels
// lie.
DicomHeader read_dicom_header(const DicomItem& root);
// SeriesInstanceUID, even of an image with an invalid header; "" if absent.
std::string read_dicom_series(const DicomItem& root);
// A plane from position, orientation and spacing: throws InputError if one is missing or makes no sense.
DicomPlane read_dicom_plane(const DicomItem& root);

// All values, and how many pixels were outside the scanner's view (PixelPaddingValue).
struct DicomValues {
  std::vector<real> values;  // [frame, row, column]
  std::int64_t padded = 0;
};

// Decodes the image of `header`: the stored bits alone, sign, slope and intercept.  Padded pixels of a CT become
// kPaddingHu.
DicomValues read_dicom_values(DicomFile& file, const DicomHeader& header);

// Bits `high_bit` - `stored` + 1 to `high_bit` of a cell, as a signed number where `sign` says so.
std::int64_t stored_number(std::uint32_t cell, int stored, int high_bit, bool sign);

inline constexpr double kPaddingHu = -1024;  // what 12-bit scanners give for nothing at all

}  // namespace medusa::datasets

#include "datasets/dicom/image.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr DicomTag kSopClass = 0x00080016, kSopInstance = 0x00080018, kModality = 0x00080060, kImageType = 0x00080008,
                   kSeriesDescription = 0x0008103E, kThickness = 0x00180050, kBetweenSlices = 0x00180088,
                   kSeries = 0x0020000E, kPosition = 0x00200032, kOrientation = 0x00200037,
                   kFrameOfReference = 0x00200052, kAcquisition = 0x00200012, kEcho = 0x00180086,
                   kTemporalPosition = 0x00200100, kFrames = 0x00280008, kRows = 0x00280010, kColumns = 0x00280011,
                   kPixelSpacing = 0x00280030, kBitsAllocated = 0x00280100, kBitsStored = 0x00280101,
                   kHighBit = 0x00280102, kRepresentation = 0x00280103, kPadding = 0x00280120,
                   kPaddingLimit = 0x00280121, kIntercept = 0x00281052, kSlope = 0x00281053;
// Enhanced images: groups of attributes that all frames share, and those of each frame.
constexpr DicomTag kShared = 0x52009229, kPerFrame = 0x52009230, kPlanePosition = 0x00209113,
                   kPlaneOrientation = 0x00209116, kMeasures = 0x00289110, kTransformation = 0x00289145;

DicomKind kind_of(const std::string& sop_class) {
  const std::string root = "1.2.840.10008.5.1.4.1.1.";
  for (const char* image : {"2", "2.1", "2.2", "4", "4.1", "4.4"})  // CT and MR: plain, enhanced, converted to enhanced
    if (sop_class == root + image) return DicomKind::Image;
  if (sop_class == kDicomDose) return DicomKind::Dose;
  if (sop_class == kDicomStructures) return DicomKind::Structures;
  return DicomKind::Other;
}

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

std::vector<double> some(const DicomItem& item, DicomTag tag, std::size_t count, const char* what) {
  const std::vector<double> values = item.numbers(tag);
  MEDUSA_CHECK_INPUT(values.size() == count, "{}: {}: expected {} numbers, found {}", item.file(), what, count,
                     values.size());
  for (double v : values)
    MEDUSA_CHECK_INPUT(std::abs(v) < 1e6, "{}: {}: {} is implausibly large", item.file(), what, v);
  return values;
}

// Each of the three may be in an item of its own.
DicomPlane plane_of(const DicomItem& position, const DicomItem& orientation, const DicomItem& measures) {
  DicomPlane plane;
  std::ranges::copy(some(position, kPosition, 3, "ImagePositionPatient"), plane.position.begin());
  const std::vector<double> cosines = some(orientation, kOrientation, 6, "ImageOrientationPatient");
  std::copy_n(cosines.begin(), 3, plane.row.begin());
  std::copy_n(cosines.begin() + 3, 3, plane.column.begin());
  const double r = std::sqrt(dot(plane.row, plane.row)), c = std::sqrt(dot(plane.column, plane.column));
  MEDUSA_CHECK_INPUT(std::abs(r - 1) < 1e-2 && std::abs(c - 1) < 1e-2 && std::abs(dot(plane.row, plane.column)) < 1e-2,
                     "{}: ImageOrientationPatient {}: expected two perpendicular unit vectors", position.file(),
                     fmt::join(cosines, "\\"));
  for (double& v : plane.row) v /= r;
  for (double& v : plane.column) v /= c;
  const std::vector<double> spacing = some(measures, kPixelSpacing, 2, "PixelSpacing");
  MEDUSA_CHECK_INPUT(spacing[0] > 1e-6 && spacing[1] > 1e-6,
                     "{}: PixelSpacing: expected two positive numbers, found {}", position.file(),
                     fmt::join(spacing, "\\"));
  plane.row_spacing = spacing[0];
  plane.column_spacing = spacing[1];
  return plane;
}

double thickness_of(const DicomItem& item) {
  const double between = std::abs(item.number(kBetweenSlices, 0));
  return between > 0 ? between : std::abs(item.number(kThickness, 0));
}

double checked_slope(const DicomItem& item) {
  const double slope = item.number(kSlope, 1);
  MEDUSA_CHECK_INPUT(slope != 0, "{}: RescaleSlope is 0", item.file());
  return slope;
}

// The first item of `tag` among those of the frame, else among those that all share, else the file itself.
DicomItem group(const DicomItem& root, const std::optional<DicomItem>& frame, const std::optional<DicomItem>& shared,
                DicomTag tag) {
  for (const auto& place : {frame, shared})
    if (place)
      if (const auto found = place->item(tag)) return *found;
  return root;
}

std::vector<DicomFrame> read_frames(const DicomItem& root) {
  const std::vector<DicomItem> per_frame = root.items(kPerFrame);
  const double count = root.number(kFrames, 1);
  if (per_frame.empty()) {
    MEDUSA_CHECK_INPUT(count == 1, "{}: has {} frames and does not say where each lies", root.file(), count);
    return {{read_dicom_plane(root), checked_slope(root), root.number(kIntercept, 0), thickness_of(root)}};
  }
  MEDUSA_CHECK_INPUT(static_cast<double>(per_frame.size()) == count, "{}: has {} frames and {} descriptions of them",
                     root.file(), count, per_frame.size());
  const std::optional<DicomItem> shared = root.item(kShared);
  std::vector<DicomFrame> frames;
  for (const DicomItem& f : per_frame) {
    const DicomItem measures = group(root, f, shared, kMeasures);
    const DicomItem scale = group(root, f, shared, kTransformation);
    frames.push_back(
        {plane_of(group(root, f, shared, kPlanePosition), group(root, f, shared, kPlaneOrientation), measures),
         checked_slope(scale), scale.number(kIntercept, 0), thickness_of(measures)});
  }
  return frames;
}

struct Bits {
  int stored, high;
  bool sign;
};

Bits bits_of(const DicomItem& root) {
  const std::int64_t allocated = root.whole(kBitsAllocated, 0), stored = root.whole(kBitsStored, allocated),
                     high = root.whole(kHighBit, stored - 1);
  MEDUSA_CHECK_INPUT(allocated <= 32 && stored >= 1 && stored <= allocated && high >= stored - 1 && high < allocated,
                     "{}: {} bits stored up to bit {} of {} make no sense", root.file(), stored, high, allocated);
  return {static_cast<int>(stored), static_cast<int>(high), root.number(kRepresentation, 0) == 1};
}

// The range of stored numbers that mean "nothing here"; empty (first > last) where the file has none.
struct Padding {
  std::int64_t first = 1, last = 0;
};

Padding padding_of(const DicomItem& root, const Bits& bits) {
  if (!root.has(kPadding)) return {};
  // Negative numbers may come as unsigned ones, depending on the encoding.
  const auto number = [&](DicomTag tag, double otherwise) {
    const auto v = static_cast<std::int64_t>(std::clamp(root.number(tag, otherwise), -2147483648.0, 4294967295.0));
    return bits.sign && v >= 0 ? stored_number(static_cast<std::uint32_t>(v), bits.stored, bits.stored - 1, true) : v;
  };
  const std::int64_t one = number(kPadding, 0), other = number(kPaddingLimit, static_cast<double>(one));
  return {std::min(one, other), std::max(one, other)};
}

}  // namespace

Vec3 DicomPlane::normal() const {
  return {row[1] * column[2] - row[2] * column[1], row[2] * column[0] - row[0] * column[2],
          row[0] * column[1] - row[1] * column[0]};
}

double DicomPlane::along_normal() const { return dot(position, normal()); }

DicomPlane read_dicom_plane(const DicomItem& root) { return plane_of(root, root, root); }

std::string read_dicom_series(const DicomItem& root) { return root.text(kSeries); }

DicomHeader read_dicom_header(const DicomItem& root) {
  DicomHeader h;
  h.path = root.file();
  h.kind = kind_of(root.text(kSopClass));
  h.modality = root.text(kModality);
  h.series = read_dicom_series(root);
  h.series_description = root.text(kSeriesDescription);
  h.frame_of_reference = root.text(kFrameOfReference);
  h.instance = root.text(kSopInstance);
  if (h.kind != DicomKind::Image) return h;
  std::string image_type = root.text(kImageType);
  h.localizer = image_type.find("LOCALIZER") != std::string::npos;
  std::ranges::replace(image_type, '\\', '.');  // a shell would take a backslash for its own
  h.acquisition = {root.text(kAcquisition), root.text(kEcho), root.text(kTemporalPosition), image_type};
  if (h.localizer) return h;
  h.rows = root.whole(kRows, 0);
  h.columns = root.whole(kColumns, 0);
  MEDUSA_CHECK_INPUT(h.rows >= 1 && h.columns >= 1, "{}: has no pixels: {} rows, {} columns", h.path, h.rows,
                     h.columns);
  h.frames = read_frames(root);
  return h;
}

std::int64_t stored_number(std::uint32_t cell, int stored, int high_bit, bool sign) {
  const std::uint64_t mask = (std::uint64_t{1} << stored) - 1;
  const auto value = static_cast<std::int64_t>(cell >> (high_bit + 1 - stored) & mask);
  return sign && value >> (stored - 1) & 1 ? value - static_cast<std::int64_t>(mask) - 1 : value;
}

DicomValues read_dicom_values(DicomFile& file, const DicomHeader& header) {
  const DicomItem root = file.root();
  const Bits bits = bits_of(root);
  const bool ct = header.modality == "CT";
  const Padding padding = ct ? padding_of(root, bits) : Padding{};
  const DicomCells cells = file.cells();
  MEDUSA_CHECK_INPUT(cells.rows == header.rows && cells.columns == header.columns &&
                         cells.frames == static_cast<std::int64_t>(header.frames.size()),
                     "{}: changed while it was being read", header.path);
  DicomValues result;
  result.values.resize(cells.values.size());
  const auto size = static_cast<std::size_t>(cells.rows * cells.columns);
  for (std::size_t i = 0; i < cells.values.size(); ++i) {
    const DicomFrame& frame = header.frames[i / size];
    const std::int64_t number = stored_number(cells.values[i], bits.stored, bits.high, bits.sign);
    const bool padded = number >= padding.first && number <= padding.last;
    result.padded += padded;
    const double value = padded ? kPaddingHu : frame.slope * static_cast<double>(number) + frame.intercept;
    result.values[i] = static_cast<real>(value);
  }
  return result;
}

}  // namespace medusa::datasets

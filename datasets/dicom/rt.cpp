#include "datasets/dicom/rt.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr DicomTag kSeries = 0x0020000E, kFrameOfReference = 0x00200052, kRoiSequence = 0x30060020,
                   kRoiNumber = 0x30060022, kRoiFrame = 0x30060024, kRoiName = 0x30060026, kRoiContours = 0x30060039,
                   kContours = 0x30060040, kContourType = 0x30060042, kContourData = 0x30060050,
                   kReferencedRoi = 0x30060084, kReferencedFrames = 0x30060010, kReferencedStudies = 0x30060012,
                   kReferencedSeries = 0x30060014, kDoseUnits = 0x30040002, kDoseType = 0x30040004,
                   kDoseSummation = 0x3004000A, kOffsets = 0x3004000C, kDoseScaling = 0x3004000E;

void read_references(const DicomItem& root, DicomStructures& set) {
  for (const DicomItem& frame : root.items(kReferencedFrames)) {
    set.frames_of_reference.push_back(frame.text(kFrameOfReference));
    for (const DicomItem& study : frame.items(kReferencedStudies))
      for (const DicomItem& series : study.items(kReferencedSeries)) set.series.push_back(series.text(kSeries));
  }
}

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return text;
}

void read_contour(const DicomItem& item, DicomRoi& roi) {
  const std::string type = item.text(kContourType);
  const std::vector<double> numbers = item.numbers(kContourData);
  MEDUSA_CHECK_INPUT(numbers.size() % 3 == 0,
                     "{}: structure {}: a contour has {} coordinates, not three for each point", item.file(), roi.name,
                     numbers.size());
  if (!type.starts_with("CLOSED_PLANAR") || numbers.size() < 9) {  // or CLOSEDPLANAR_XOR, which is this program's rule
    ++roi.left_out;
    return;
  }
  DicomContour contour(numbers.size() / 3);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    MEDUSA_CHECK_INPUT(std::abs(numbers[i]) < 1e6, "{}: structure {}: a contour's coordinate {} is implausibly large",
                       item.file(), roi.name, numbers[i]);
    contour[i / 3][i % 3] = numbers[i];
  }
  roi.contours.push_back(std::move(contour));
}

// The structures' names; returns the place of each ROI number.
std::map<double, std::size_t> read_rois(const DicomItem& root, DicomStructures& set) {
  std::map<double, std::size_t> places;
  for (const DicomItem& item : root.items(kRoiSequence)) {
    DicomRoi roi;
    const double number = item.number(kRoiNumber, -1);
    roi.number = static_cast<int>(std::clamp(number, -1.0, 2147483647.0));
    roi.name = printable(item.text(kRoiName));
    roi.frame_of_reference = item.text(kRoiFrame);
    MEDUSA_CHECK_INPUT(places.emplace(number, set.rois.size()).second, "{}: two structures have the number {}",
                       set.path, number);
    set.rois.push_back(std::move(roi));
  }
  return places;
}

void check_dose(const DicomItem& root) {
  const std::string units = root.text(kDoseUnits), type = root.text(kDoseType);
  MEDUSA_CHECK_INPUT(units == "GY", "{}: its dose is in units of {}, expected GY{}", root.file(),
                     units.empty() ? "nothing" : units,
                     units == "RELATIVE" ? ": a relative dose says nothing without its reference" : "");
  MEDUSA_CHECK_INPUT(type != "ERROR", "{}: holds differences of doses (DoseType ERROR), not a dose", root.file());
}

}  // namespace

DicomStructures read_dicom_structures(const DicomItem& root) {
  DicomStructures set;
  set.path = root.file();
  read_references(root, set);
  const std::map<double, std::size_t> places = read_rois(root, set);
  std::int64_t orphans = 0;
  std::vector<std::string> numbers;  // that no structure has
  for (const DicomItem& item : root.items(kRoiContours)) {
    const double number = item.number(kReferencedRoi, -1);
    const auto found = places.find(number);
    const std::vector<DicomItem> contours = item.items(kContours);
    if (found == places.end()) {
      std::string text = item.has(kReferencedRoi) ? fmt::format("{}", number) : "(none)";
      if (std::ranges::find(numbers, text) == numbers.end()) numbers.push_back(std::move(text));
      orphans += static_cast<std::int64_t>(contours.size());
      continue;
    }
    for (const DicomItem& contour : contours) read_contour(contour, set.rois[found->second]);
  }
  if (!numbers.empty())
    set.notes.push_back(fmt::format("{}: left out: {} contours of structure number {}, which it does not name",
                                    set.path, orphans, first_names(numbers)));
  return set;
}

std::vector<double> dose_offsets(const std::vector<double>& vector, const DicomPlane& plane, const std::string& name) {
  MEDUSA_CHECK_INPUT(!vector.empty(), "{}: GridFrameOffsetVector is missing", name);
  const double normal_z = plane.normal()[2], first = vector[0];
  const bool absolute = first != 0;
  MEDUSA_CHECK_INPUT(
      !absolute || (std::abs(std::abs(normal_z) - 1) < 1e-4 && std::abs(first - plane.position[2]) < 0.05),
      "{}: GridFrameOffsetVector begins with {}: expected 0, or the z of the first plane, {}", name, first,
      plane.position[2]);
  std::vector<double> offsets;
  for (double v : vector) offsets.push_back(absolute ? (v - first) * (normal_z > 0 ? 1 : -1) : v);
  for (std::size_t i = 1; i < offsets.size(); ++i)
    MEDUSA_CHECK_INPUT(std::abs(offsets[i]) < 1e6 && offsets[i] != offsets[i - 1] &&
                           (offsets[i] > offsets[i - 1]) == (offsets[1] > offsets[0]),
                       "{}: GridFrameOffsetVector: expected planes in order, found {} after {}", name, vector[i],
                       vector[i - 1]);
  return offsets;
}

DicomDose read_dicom_dose(DicomFile& file) {
  const DicomItem root = file.root();
  check_dose(root);
  DicomDose dose;
  dose.path = root.file();
  dose.frame_of_reference = root.text(kFrameOfReference);
  dose.summation = root.text(kDoseSummation);
  dose.plane = read_dicom_plane(root);
  const double scaling = root.number(kDoseScaling, 0);
  MEDUSA_CHECK_INPUT(scaling > 0, "{}: DoseGridScaling: expected a positive number, found {}", dose.path, scaling);
  dose.offsets = dose_offsets(root.numbers(kOffsets), dose.plane, dose.path);
  DicomHeader header;  // a dose scales its numbers in its own way, and has no padding
  header.path = dose.path;
  header.rows = dose.rows = root.whole(0x00280010, 0);
  header.columns = dose.columns = root.whole(0x00280011, 0);
  const double frames = root.number(0x00280008, 1);
  MEDUSA_CHECK_INPUT(frames == static_cast<double>(dose.offsets.size()), "{}: has {} frames and {} frame offsets",
                     dose.path, frames, dose.offsets.size());
  header.frames.assign(dose.offsets.size(), {dose.plane, scaling, 0, 0});
  dose.values = read_dicom_values(file, header).values;
  return dose;
}

}  // namespace medusa::datasets

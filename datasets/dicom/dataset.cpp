#include "datasets/dicom/dataset.h"

#include <cmath>
#include <cstring>

#include "tensor/check.h"

namespace medusa::datasets {

std::string dicom_absent() {
  return "this build has no DICOM support: install DCMTK (Debian: libdcmtk-dev), then build again in a new build "
         "folder";
}

double DicomItem::number(DicomTag tag, double otherwise) const {
  const std::vector<double> values = numbers(tag);
  return values.empty() ? otherwise : values[0];
}

std::int64_t DicomItem::whole(DicomTag tag, std::int64_t otherwise) const {
  const double value = number(tag, static_cast<double>(otherwise));
  MEDUSA_CHECK_INPUT(std::abs(value) < 1e15, "{}: ({:04X},{:04X}): {} is implausibly large", file(), tag >> 16,
                     tag & 0xFFFF, value);
  return static_cast<std::int64_t>(value);
}

std::optional<DicomItem> DicomItem::item(DicomTag tag) const {
  std::vector<DicomItem> all = items(tag);
  if (all.empty()) return std::nullopt;
  return all[0];
}

bool looks_like_dicom(std::span<const unsigned char> bytes) {
  if (bytes.size() >= 132 && std::memcmp(bytes.data() + 128, "DICM", 4) == 0) return true;
  // (0008,xx00) with a low element, little endian; then a value representation or a small length.
  if (bytes.size() < 16 || bytes[0] != 8 || bytes[1] != 0 || bytes[3] != 0 || bytes[2] > 0x18) return false;
  const auto letter = [&bytes](std::size_t at) { return bytes[at] >= 'A' && bytes[at] <= 'Z'; };
  return (letter(4) && letter(5)) || (bytes[5] == 0 && bytes[6] == 0 && bytes[7] == 0);
}

}  // namespace medusa::datasets

// One DICOM file as a tree of numbered entries.  DCMTK parses and decodes it behind this header, in dicom/dcmtk.cpp
// alone; a build without DCMTK has dicom/absent.cpp instead, whose `parse` says so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

class DcmItem;

namespace medusa::datasets {

// A number of the data dictionary: group << 16 | element; (0020,0032) is 0x00200032.
using DicomTag = std::uint32_t;

// True in a build that can read DICOM.
bool have_dicom();
// The message of a build that cannot.
std::string dicom_absent();

// A dataset or an item of a sequence in it; valid as long as the DicomFile that it came from.
class DicomItem {
 public:
  DicomItem(DcmItem* item, const std::string* name) : item_(item), name_(name) {}

  bool has(DicomTag tag) const;  // present and not empty
  // The value as text in UTF-8, without the blanks around it; several values are joined by backslashes.  "" where
  // absent.
  std::string text(DicomTag tag) const;
  // All values as numbers; empty where absent.  Throws InputError if one is not a finite number.
  std::vector<double> numbers(DicomTag tag) const;
  // The first of them, or `otherwise`.
  double number(DicomTag tag, double otherwise) const;
  // The same, truncated to a whole number.  Throws InputError if it is implausibly large.
  std::int64_t whole(DicomTag tag, std::int64_t otherwise) const;
  // All items of a sequence; empty where absent.
  std::vector<DicomItem> items(DicomTag tag) const;
  // The first item of a sequence.
  std::optional<DicomItem> item(DicomTag tag) const;
  const std::string& file() const { return *name_; }

 protected:
  DcmItem* item_;
  const std::string* name_;  // of the file, for messages
};

// The cells of an image as they are stored, after decompression: no mask, sign or scale applied.
struct DicomCells {
  std::vector<std::uint32_t> values;  // frames * rows * columns, columns fastest
  std::int64_t rows = 0, columns = 0, frames = 0;
};

class DicomFile {
 public:
  // Throws InputError naming the file if it is damaged, cut off or nested too deeply.
  static DicomFile parse(std::span<const unsigned char> bytes, const std::string& name);
  DicomFile(DicomFile&&) noexcept;
  ~DicomFile();

  DicomItem root() const;
  std::string transfer_syntax() const;  // UID: how the file is encoded
  // Decodes the image: uncompressed in either byte order, deflated, RLE, JPEG, JPEG-LS.  Consumes the file's pixels.
  // Throws InputError: another compression, colours, sizes that do not fit the data.
  DicomCells cells();

 private:
  struct Parsed;
  explicit DicomFile(std::unique_ptr<Parsed> parsed);
  std::unique_ptr<Parsed> parsed_;
};

// True if the bytes begin like a DICOM file: "DICM" after 128 bytes, or, as in old exports without them, with a tag of
// group 8.
bool looks_like_dicom(std::span<const unsigned char> bytes);

}  // namespace medusa::datasets

// A writer of small DICOM files for the tests, independent of DCMTK, so that a mistake of the reader shows: explicit
// and implicit little endian, big endian, deflated, RLE.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/check.h"

namespace medusa::test {

enum class Encoding { Explicit, Implicit, BigEndian, Deflated, Rle };

class DicomWriter {
 public:
  // `unknown`: decimal strings and UIDs are written with an unknown type, as GDCM does with elements that it does not
  // know.
  explicit DicomWriter(Encoding encoding = Encoding::Explicit, bool unknown = false)
      : encoding_(encoding), unknown_(unknown) {}

  // Elements must come in the order of their tags.
  DicomWriter& text(std::uint32_t tag, const char* vr, std::string value) {
    if (value.size() % 2) value += std::string(vr) == "UI" ? '\0' : ' ';
    return raw(tag, unknown_ ? "UN" : vr, value);
  }
  DicomWriter& numbers(std::uint32_t tag, const std::vector<double>& values) {  // decimal strings
    return text(tag, "DS", fmt::format("{}", fmt::join(values, "\\")));
  }
  DicomWriter& u16(std::uint32_t tag, std::uint16_t value, const char* vr = "US") {
    return raw(tag, vr, number(value, 2));
  }
  DicomWriter& raw(std::uint32_t tag, const char* vr, const std::string& value) {
    head(tag, vr, value.size());
    body_ += value;
    return *this;
  }
  // Items are the bodies of other writers of the same encoding; their lengths may be left undefined.
  DicomWriter& sequence(std::uint32_t tag, const std::vector<DicomWriter>& items, bool defined = true) {
    std::string all;
    for (const DicomWriter& item : items) {
      all += number(0xFFFE, 2) + number(0xE000, 2) + number(defined ? item.body_.size() : 0xFFFFFFFF, 4) + item.body_;
      if (!defined) all += number(0xFFFE, 2) + number(0xE00D, 2) + number(0, 4);
    }
    if (!defined) all += number(0xFFFE, 2) + number(0xE0DD, 2) + number(0, 4);
    head(tag, "SQ", defined ? all.size() : 0xFFFFFFFF);
    body_ += all;
    return *this;
  }
  // Cells of `bytes` bytes each; `frames` is for RLE alone, which packs each by itself.
  DicomWriter& pixels(const std::vector<std::uint32_t>& cells, std::size_t bytes, std::size_t frames = 1) {
    if (encoding_ == Encoding::Rle) return rle(cells, bytes, frames);
    std::string data;
    for (std::uint32_t c : cells) data += number(c, bytes);
    if (data.size() % 2) data += '\0';
    if (bytes == 1 && encoding_ == Encoding::BigEndian)  // 16-bit words, the first pixel in the low byte
      for (std::size_t i = 0; i + 1 < data.size(); i += 2) std::swap(data[i], data[i + 1]);
    return raw(0x7FE00010, "OW", data);
  }
  // The whole file.
  std::string file() const {
    const char* syntax[] = {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
                            "1.2.840.10008.1.2.5"};
    DicomWriter meta;
    meta.text(0x00020010, "UI", syntax[static_cast<int>(encoding_)]);
    DicomWriter length;
    length.raw(0x00020000, "UL", length.number(meta.body_.size(), 4));
    std::string bytes(128, '\0');  // in pieces: of a sum of strings g++ 12 warns that it overruns, which it does not
    bytes += "DICM";
    bytes += length.body_;
    bytes += meta.body_;
    bytes += encoding_ == Encoding::Deflated ? deflated(body_) : body_;
    return bytes;
  }
  const std::string& body() const { return body_; }

 private:
  std::string number(std::uint64_t value, std::size_t bytes) const {
    std::string text(bytes, '\0');
    for (std::size_t b = 0; b < bytes; ++b)
      text[encoding_ == Encoding::BigEndian ? bytes - 1 - b : b] = static_cast<char>(value >> (8 * b) & 0xFF);
    return text;
  }
  void head(std::uint32_t tag, const std::string& vr, std::size_t length) {
    body_ += number(tag >> 16, 2) + number(tag & 0xFFFF, 2);
    if (encoding_ == Encoding::Implicit) {
      body_ += number(length, 4);
      return;
    }
    const bool wide = vr == "SQ" || vr == "OW" || vr == "OB" || vr == "UN";
    body_ += vr + (wide ? std::string(2, '\0') + number(length, 4) : number(length, 2));
  }
  // Each byte of a cell, the highest first, is a segment of its own; here of runs of up to 128 literal bytes.
  DicomWriter& rle(const std::vector<std::uint32_t>& cells, std::size_t bytes, std::size_t frames) {
    std::string all = number(0xFFFE, 2) + number(0xE000, 2) + number(0, 4);
    const std::size_t size = cells.size() / frames;
    for (std::size_t f = 0; f < frames; ++f) {
      std::string head = number(bytes, 4), data;
      for (std::size_t b = bytes; b-- > 0;) {
        head += number(64 + data.size(), 4);
        for (std::size_t i = 0; i < size; ++i) {
          if (i % 128 == 0) data += static_cast<char>(std::min<std::size_t>(128, size - i) - 1);
          data += static_cast<char>(cells[f * size + i] >> (8 * b) & 0xFF);
        }
        if (data.size() % 2) data += static_cast<char>(0x80);  // nothing
      }
      head.resize(64, '\0');
      all += number(0xFFFE, 2) + number(0xE000, 2) + number(64 + data.size(), 4) + head + data;
    }
    all += number(0xFFFE, 2) + number(0xE0DD, 2) + number(0, 4);
    head(0x7FE00010, "OB", 0xFFFFFFFF);
    body_ += all;
    return *this;
  }
  static std::string deflated(const std::string& plain) {
    z_stream z{};
    MEDUSA_CHECK(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflate");
    std::string packed(deflateBound(&z, plain.size()) + 16, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    z.avail_in = static_cast<uInt>(plain.size());
    z.next_out = reinterpret_cast<Bytef*>(packed.data());
    z.avail_out = static_cast<uInt>(packed.size());
    MEDUSA_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
    packed.resize(z.total_out);
    deflateEnd(&z);
    if (packed.size() % 2) packed += '\0';
    return packed;
  }

  Encoding encoding_;
  bool unknown_ = false;
  std::string body_;
};

// What the tests change of a slice, a structure set and a dose.
struct CtSlice {
  Encoding encoding = Encoding::Explicit;
  std::string sop_class = "1.2.840.10008.5.1.4.1.1.2", instance = "1.1", modality = "CT", series = "1.2.3",
              frame_of_reference = "1.9", image_type = "ORIGINAL\\PRIMARY\\AXIAL", acquisition, echo;
  std::vector<double> position{-10, -20, 30}, orientation{1, 0, 0, 0, 1, 0}, spacing{2, 1.5};  // mm; row, column
  double thickness = 3;
  std::uint16_t rows = 4, columns = 6, allocated = 16, stored = 12, high = 11, sign = 0;
  double slope = 1, intercept = -1024;
  bool unknown = false;
  std::string padding;               // decimal number; "" for none
  std::vector<std::uint32_t> cells;  // none: 100 * row + column + 7
  std::string file() const {
    DicomWriter w(encoding, unknown);
    std::vector<std::uint32_t> values = cells;
    for (std::uint32_t i = 0; cells.empty() && i < static_cast<std::uint32_t>(rows * columns); ++i)
      values.push_back(100 * (i / columns) + i % columns + 7);
    w.text(0x00080008, "CS", image_type).text(0x00080016, "UI", sop_class).text(0x00080018, "UI", instance);
    w.text(0x00080060, "CS", modality).numbers(0x00180050, {thickness});
    if (!echo.empty()) w.text(0x00180086, "IS", echo);
    w.text(0x0020000E, "UI", series);
    if (!acquisition.empty()) w.text(0x00200012, "IS", acquisition);
    if (!position.empty()) w.numbers(0x00200032, position);
    if (!orientation.empty()) w.numbers(0x00200037, orientation);
    w.text(0x00200052, "UI", frame_of_reference);
    w.u16(0x00280002, 1).text(0x00280004, "CS", "MONOCHROME2").u16(0x00280010, rows).u16(0x00280011, columns);
    if (!spacing.empty()) w.numbers(0x00280030, spacing);
    w.u16(0x00280100, allocated).u16(0x00280101, stored).u16(0x00280102, high).u16(0x00280103, sign);
    if (!padding.empty()) w.u16(0x00280120, static_cast<std::uint16_t>(std::stoi(padding)), sign ? "SS" : "US");
    w.numbers(0x00281052, {intercept}).numbers(0x00281053, {slope});
    return w.pixels(values, allocated / 8u).file();
  }
};

struct Contour {
  std::vector<double> points;  // x, y, z, x, y, z ...: mm, LPS+
  std::string type = "CLOSED_PLANAR";
};
struct Roi {
  std::string name;
  std::vector<Contour> contours;
  std::string owner = "";               // number of the structure that the contours refer to; "": its own, from 1
  std::string frame_of_reference = "";  // "": that of the file
  bool named = true;                    // in the list of structures
};

inline std::string structure_file(const std::vector<Roi>& rois, const std::string& frame_of_reference = "1.9",
                                  Encoding encoding = Encoding::Implicit, const std::string& character_set = "") {
  std::vector<DicomWriter> names, outlines;
  for (std::size_t r = 0; r < rois.size(); ++r) {
    const std::string number = std::to_string(r + 1);
    if (rois[r].named)
      names.emplace_back(encoding)
          .text(0x30060022, "IS", number)
          .text(0x30060024, "UI", rois[r].frame_of_reference.empty() ? frame_of_reference : rois[r].frame_of_reference)
          .text(0x30060026, "LO", rois[r].name);
    std::vector<DicomWriter> contours;
    for (const Contour& c : rois[r].contours)
      contours.emplace_back(encoding)
          .text(0x30060042, "CS", c.type)
          .text(0x30060046, "IS", std::to_string(c.points.size() / 3))
          .numbers(0x30060050, c.points);
    outlines.emplace_back(encoding)
        .sequence(0x30060040, contours, false)
        .text(0x30060084, "IS", rois[r].owner.empty() ? number : rois[r].owner);
  }
  DicomWriter w(encoding);
  if (!character_set.empty()) w.text(0x00080005, "CS", character_set);
  w.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481.3").text(0x00080060, "CS", "RTSTRUCT");
  std::vector<DicomWriter> frames;  // those that structures name; none if all are in that of the file
  for (const Roi& roi : rois)
    if (!roi.frame_of_reference.empty()) frames.emplace_back(encoding).text(0x00200052, "UI", roi.frame_of_reference);
  if (!frames.empty()) {
    frames.emplace_back(encoding).text(0x00200052, "UI", frame_of_reference);
    w.sequence(0x30060010, frames);
  }
  w.sequence(0x30060020, names).sequence(0x30060039, outlines);
  return w.file();
}

struct DoseFile {
  Encoding encoding = Encoding::Explicit;
  std::string frame_of_reference = "1.9", units = "GY", type = "PHYSICAL", summation = "PLAN";
  std::vector<double> position{-10, -20, 30}, orientation{1, 0, 0, 0, 1, 0}, spacing{4, 3}, offsets{0, 5, 10};
  std::uint16_t rows = 3, columns = 4, allocated = 32;
  double scaling = 0.001;
  std::vector<std::uint32_t> cells;  // rows * columns * offsets
  std::string file() const {
    DicomWriter w(encoding);
    w.text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481.2").text(0x00080060, "CS", "RTDOSE");
    w.numbers(0x00200032, position).numbers(0x00200037, orientation).text(0x00200052, "UI", frame_of_reference);
    w.u16(0x00280002, 1)
        .text(0x00280008, "IS", std::to_string(offsets.size()))
        .u16(0x00280010, rows)
        .u16(0x00280011, columns);
    w.numbers(0x00280030, spacing)
        .u16(0x00280100, allocated)
        .u16(0x00280101, allocated)
        .u16(0x00280102, allocated - 1u);
    w.u16(0x00280103, 0).text(0x30040002, "CS", units).text(0x30040004, "CS", type).text(0x3004000A, "CS", summation);
    w.numbers(0x3004000C, offsets).numbers(0x3004000E, {scaling});
    return w.pixels(cells, allocated / 8u, offsets.size()).file();
  }
};

}  // namespace medusa::test

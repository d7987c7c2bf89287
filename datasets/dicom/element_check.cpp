#include "datasets/dicom/element_check.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "datasets/dicom/dataset.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kDeepest = 64;  // sequences and items, so 32 sequences
constexpr std::size_t kOpen = SIZE_MAX;
constexpr std::uint32_t kUndefined = 0xFFFFFFFF, kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD,
                        kPixels = 0x7FE00010;

constexpr const char *kImplicit = "1.2.840.10008.1.2", *kExplicit = "1.2.840.10008.1.2.1",
                     *kDeflated = "1.2.840.10008.1.2.1.99", *kBigEndian = "1.2.840.10008.1.2.2";

bool is_vr(const unsigned char* two) { return two[0] >= 'A' && two[0] <= 'Z' && two[1] >= 'A' && two[1] <= 'Z'; }

// A sequence or an item that is being read.
struct Level {
  std::size_t end = kOpen;  // kOpen: a delimiter ends it
  bool is_explicit = true, pixels = false, item = false;
};

class Walker {
 public:
  Walker(std::span<const unsigned char> bytes, std::size_t begin, const std::string& name, bool is_explicit,
         bool big_endian)
      : bytes_(bytes), name_(name), at_(begin), big_(big_endian) {
    levels_.push_back({bytes.size(), is_explicit, false, true});
  }

  // Walks to the end, or to the first element outside group `only` if that is not 0.
  std::size_t walk(std::uint32_t only = 0) {
    for (;;) {
      while (levels_.size() > 1 && levels_.back().end != kOpen && at_ >= levels_.back().end) levels_.pop_back();
      if (bytes_.size() - at_ < 8 || (only && number(at_, 2) != only)) return at_;
      step();
    }
  }

 private:
  std::uint32_t number(std::size_t at, std::size_t count) const {
    std::uint32_t value = 0;
    for (std::size_t b = 0; b < count; ++b) value |= std::uint32_t{bytes_[at + (big_ ? count - 1 - b : b)]} << (8 * b);
    return value;
  }

  // The end of the innermost level whose end is known.
  std::size_t limit() const {
    for (std::size_t i = levels_.size(); i-- > 0;)
      if (levels_[i].end != kOpen) return levels_[i].end;
    return bytes_.size();
  }

  void enter(std::uint32_t tag, std::uint32_t length, bool is_explicit, bool pixels, bool item) {
    MEDUSA_CHECK_INPUT(levels_.size() <= kDeepest, "{}: is damaged: sequences are nested more than {} deep at byte {}",
                       name_, kDeepest / 2, at_);
    if (length != kUndefined) check_length(tag, length);
    levels_.push_back({length == kUndefined ? kOpen : at_ + length, is_explicit, pixels, item});
  }

  void check_length(std::uint32_t tag, std::uint32_t length) const {
    const std::size_t left = limit() - std::min(at_, limit());
    MEDUSA_CHECK_INPUT(length <= left,
                       "{}: is damaged or cut off: ({:04X},{:04X}) at byte {} claims {} bytes, there are {}", name_,
                       tag >> 16, tag & 0xFFFF, at_, length, left);
  }

  void check_place(bool right, std::uint32_t tag) const {
    MEDUSA_CHECK_INPUT(right, "{}: is damaged: ({:04X},{:04X}) at byte {} is out of place", name_, tag >> 16,
                       tag & 0xFFFF, at_);
  }

  // The delimiters of items.  True if `tag` was one.  Each must be in its place: otherwise DCMTK reads on and takes
  // anything for a length.
  bool delimiter(std::uint32_t tag) {
    const Level around = levels_.back();
    const bool is_open = levels_.size() > 1 && around.end == kOpen;
    if (tag != kItem && tag != kItemEnd && tag != kSequenceEnd) {
      check_place(around.item, tag);  // a sequence holds items
      return false;
    }
    check_place(tag == kItem ? !around.item : is_open && around.item == (tag == kItemEnd), tag);
    const std::uint32_t length = number(at_ + 4, 4);
    at_ += 8;
    if (tag == kItem && around.pixels) {  // a piece of compressed data
      check_length(tag, length);
      at_ += length;
    } else if (tag == kItem) {
      enter(tag, length, around.is_explicit, false, true);
    } else {
      levels_.pop_back();
    }
    return true;
  }

  // DCMTK may take a sequence for a value and read on after it: no header may extend beyond what contains it.
  void check_header(std::size_t size) const {
    MEDUSA_CHECK_INPUT(at_ + size <= limit(),
                       "{}: is damaged or cut off: an element at byte {} begins in one that ends at byte {}", name_,
                       at_, limit());
  }

  void step() {
    check_header(8);
    const std::uint32_t tag = number(at_, 2) << 16 | number(at_ + 2, 2);
    if (delimiter(tag)) return;
    const bool is_explicit = levels_.back().is_explicit;
    const std::string_view vr(reinterpret_cast<const char*>(bytes_.data()) + at_ + 4, 2);
    // Two capitals; for anything else the size of the length field is unknown.
    MEDUSA_CHECK_INPUT(!is_explicit || is_vr(bytes_.data() + at_ + 4),
                       "{}: is damaged: ({:04X},{:04X}) at byte {} has no value representation", name_, tag >> 16,
                       tag & 0xFFFF, at_);
    std::uint32_t length = 0;
    if (!is_explicit) {
      length = number(at_ + 4, 4);
      at_ += 8;
    } else if (wide(vr)) {
      check_header(12);
      length = number(at_ + 8, 4);
      at_ += 12;
    } else {
      length = number(at_ + 6, 2);
      at_ += 8;
    }
    const bool known = is_explicit && vr != "UN";
    const bool sequence = length == kUndefined || (known ? vr == "SQ" : begins_with_item(length));
    if (sequence) return enter(tag, length, known, tag == kPixels, false);
    check_length(tag, length);
    at_ += length;
  }

  bool begins_with_item(std::uint32_t length) const {
    return length >= 8 && bytes_.size() - at_ >= 8 && (number(at_, 2) << 16 | number(at_ + 2, 2)) == kItem;
  }

  // Value representations whose length has four bytes: all but those known to have two.
  static bool wide(std::string_view vr) {
    constexpr std::string_view kShort[] = {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
                                           "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"};
    return std::find(std::begin(kShort), std::end(kShort), vr) == std::end(kShort);
  }

  std::span<const unsigned char> bytes_;
  const std::string& name_;
  std::size_t at_;
  bool big_;
  std::vector<Level> levels_;
};

// The unpacked bytes.  Deflate can expand one byte to a thousand.
std::vector<unsigned char> inflated(std::span<const unsigned char> packed, const std::string& name) {
  const std::size_t most = (std::size_t{64} << 20) + 16 * packed.size();
  std::vector<unsigned char> plain(std::size_t{1} << 16);
  z_stream z{};
  MEDUSA_CHECK(inflateInit2(&z, -15) == Z_OK, "{}: inflate cannot start", name);
  z.next_in = const_cast<Bytef*>(packed.data());
  z.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), UINT32_MAX));
  std::size_t done = 0;
  for (int status = Z_OK; status == Z_OK && done <= most;) {
    if (done == plain.size()) plain.resize(2 * done);
    z.next_out = plain.data() + done;
    z.avail_out = static_cast<uInt>(std::min<std::size_t>(plain.size() - done, std::size_t{1} << 24));
    const uInt room = z.avail_out;
    status = inflate(&z, Z_NO_FLUSH);
    done += room - z.avail_out;
  }
  inflateEnd(&z);
  MEDUSA_CHECK_INPUT(done <= most, "{}: {} deflated bytes unpack to more than {}", name, packed.size(), most);
  plain.resize(done);
  return plain;
}

// The UID of (0002,0010) in the file meta information; "" if absent.
std::string transfer_syntax(std::string_view meta) {
  const std::size_t at = meta.find(std::string_view("\x02\x00\x10\x00UI", 6));
  if (at == std::string_view::npos || meta.size() - at < 8) return "";
  const std::size_t length = static_cast<unsigned char>(meta[at + 6]) + 256u * static_cast<unsigned char>(meta[at + 7]);
  std::string uid(meta.substr(at + 8, length));
  while (!uid.empty() && (uid.back() == '\0' || uid.back() == ' ')) uid.pop_back();
  // DCMTK has encodings of its own without a UID: an empty text would name one of them.
  return uid.find_first_not_of("0123456789.") == std::string::npos ? uid : "";
}

}  // namespace

DicomLayout guard_dicom(std::span<const unsigned char> bytes, const std::string& name) {
  MEDUSA_CHECK_INPUT(looks_like_dicom(bytes), "{}: is not a DICOM file", name);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  DicomLayout layout;
  if (text.size() < 132 || text.substr(128, 4) != "DICM") {
    layout.transfer_syntax = is_vr(bytes.data() + 4) ? kExplicit : kImplicit;
  } else {
    layout.begin = Walker(bytes, 132, name, true, false).walk(2);
    layout.transfer_syntax = transfer_syntax(text.substr(132, layout.begin - 132));
    MEDUSA_CHECK_INPUT(!layout.transfer_syntax.empty(), "{}: does not say how it is encoded (TransferSyntaxUID)", name);
  }
  std::span<const unsigned char> elements = bytes.subspan(layout.begin);
  if (layout.transfer_syntax == kDeflated) elements = layout.inflated = inflated(elements, name);
  const bool is_explicit = layout.transfer_syntax != kImplicit;
  if (elements.size() >= 8) Walker(elements, 0, name, is_explicit, layout.transfer_syntax == kBigEndian).walk();
  return layout;
}

}  // namespace medusa::datasets

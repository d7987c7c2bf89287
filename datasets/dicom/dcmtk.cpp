// DicomFile and DicomItem through DCMTK; no other source includes its headers.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcdict.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcmetinf.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dcsequen.h>
#include <dcmtk/dcmdata/dcspchrs.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmdata/dcxfer.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <mutex>

#include "datasets/dicom/dataset.h"
#include "datasets/dicom/element_check.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;  // of one frame: 8192 x 8192

// Once per process: turns off DCMTK's logging to the terminal and registers its decoders.  DCMTK reads the names of
// tags from a file.
void start_dcmtk() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    dcmEnableUnknownVRConversion.set(OFTrue);  // some programs write elements as "unknown" that the dictionary knows
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
  });
  MEDUSA_CHECK(dcmDataDict.isDictionaryLoaded(),
               "DCMTK finds no data dictionary; set DCMDICTPATH to its file dicom.dic, or unset it");
}

DcmTagKey key(DicomTag tag) { return {static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xFFFF)}; }

std::string named(DicomTag tag) { return fmt::format("({:04X},{:04X})", tag >> 16, tag & 0xFFFF); }

std::string trimmed(const std::string& text) {
  constexpr std::string_view kBlank(" \0\t\r\n", 5);
  const std::size_t begin = text.find_first_not_of(kBlank);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

DcmElement* find(DcmItem* item, DicomTag tag) {
  DcmElement* element = nullptr;
  return item->findAndGetElement(key(tag), element).good() ? element : nullptr;
}

// Text in UTF-8.  The item, or the one that it is in, names the character set of what is not ASCII; bytes outside the
// set, or without a set, become question marks.
std::string utf8(DcmItem* item, const std::string& text) {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 128; };
  if (std::all_of(text.begin(), text.end(), ascii) && text.find('\x1b') == std::string::npos) return text;
  OFString set, converted;
  while (item && item->findAndGetOFStringArray(DCM_SpecificCharacterSet, set).bad()) item = item->getParentItem();
  DcmSpecificCharacterSet characters;
  if (!set.empty() && characters.selectCharacterSet(set).good() &&
      characters.convertString(text.data(), text.size(), converted, "\\").good())
    return {converted.data(), converted.size()};
  std::string plain = text;
  for (char& c : plain)
    if (!ascii(c)) c = '?';
  return plain;
}

// Numbers written as text, "1.5\-2".
std::vector<double> parse_numbers(const std::string& text, DicomTag tag, const std::string& file) {
  std::vector<double> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\\', begin), text.size());
    std::string part = trimmed(text.substr(begin, end - begin));
    if (part.starts_with('+')) part.erase(0, 1);
    double value = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    MEDUSA_CHECK_INPUT(error == std::errc{} && stop == part.data() + part.size() && std::isfinite(value),
                       "{}: {}: expected a number, found '{}'", file, named(tag), part.substr(0, 40));
    values.push_back(value);
    begin = end + 1;
  }
  return values;
}

// The values of an element that holds binary numbers.
template <class T, class Get>
std::vector<double> binary_numbers(DcmElement& element, Get get) {
  std::vector<double> values;
  T value{};
  for (unsigned long i = 0, n = element.getVM(); i < n && (element.*get)(value, i).good(); ++i)
    values.push_back(static_cast<double>(value));
  return values;
}

std::vector<double> element_numbers(DcmElement& element, DicomTag tag, const std::string& file) {
  switch (element.ident()) {
    case EVR_FD: return binary_numbers<Float64>(element, &DcmElement::getFloat64);
    case EVR_FL: return binary_numbers<Float32>(element, &DcmElement::getFloat32);
    case EVR_US: return binary_numbers<Uint16>(element, &DcmElement::getUint16);
    case EVR_SS: return binary_numbers<Sint16>(element, &DcmElement::getSint16);
    case EVR_UL: return binary_numbers<Uint32>(element, &DcmElement::getUint32);
    case EVR_SL: return binary_numbers<Sint32>(element, &DcmElement::getSint32);
    default: break;
  }
  OFString text;
  element.getOFStringArray(text);
  const std::string plain = trimmed({text.data(), text.size()});
  return plain.empty() ? std::vector<double>{} : parse_numbers(plain, tag, file);
}

// The most bytes that one byte of a compressed frame can unpack to.
double largest_expansion(E_TransferSyntax syntax) {
  switch (syntax) {
    case EXS_RLELossless: return 64;  // runs of 128 in two bytes
    case EXS_JPEGProcess14:
    case EXS_JPEGProcess14SV1: return 16;  // at least a bit per pixel
    case EXS_JPEGProcess1:
    case EXS_JPEGProcess2_4: return 512;  // 64 pixels in two bits
    default: return 1 << 19;              // JPEG-LS counts runs
  }
}

bool decodable(E_TransferSyntax syntax) {
  const E_TransferSyntax known[] = {EXS_RLELossless,      EXS_JPEGProcess1,   EXS_JPEGProcess2_4, EXS_JPEGProcess14,
                                    EXS_JPEGProcess14SV1, EXS_JPEGLSLossless, EXS_JPEGLSLossy};
  return std::find(std::begin(known), std::end(known), syntax) != std::end(known);
}

std::string syntax_name(E_TransferSyntax syntax) { return DcmXfer(syntax).getXferName(); }

// DCMTK must see exactly what was checked, or it could take lengths differently: it is told how the elements are
// encoded, and never reads the file meta information, where it would guess.
OFCondition read_elements(const DicomLayout& layout, std::span<const unsigned char> bytes, DcmDataset& dataset) {
  const bool deflated = !layout.inflated.empty();
  const E_TransferSyntax syntax =
      deflated ? EXS_LittleEndianExplicit : DcmXfer(layout.transfer_syntax.c_str()).getXfer();
  const std::span<const unsigned char> elements = deflated ? layout.inflated : bytes.subspan(layout.begin);
  if (syntax == EXS_Unknown) return makeOFCondition(0, 1, OF_error, "its encoding is unknown");
  DcmInputBufferStream stream;
  stream.setBuffer(elements.data(), static_cast<offile_off_t>(elements.size()));
  stream.setEos();
  dataset.transferInit();
  const OFCondition status = dataset.read(stream, syntax);
  dataset.transferEnd();
  return status;
}

}  // namespace

bool have_dicom() { return true; }

// ---- DicomItem

bool DicomItem::has(DicomTag tag) const { return item_->tagExistsWithValue(key(tag)); }

std::string DicomItem::text(DicomTag tag) const {
  OFString text;
  DcmElement* element = find(item_, tag);
  if (!element || element->getOFStringArray(text).bad()) return "";
  return utf8(item_, trimmed({text.data(), text.size()}));
}

std::vector<double> DicomItem::numbers(DicomTag tag) const {
  DcmElement* element = find(item_, tag);
  if (!element || element->getLength() == 0) return {};
  std::vector<double> values = element_numbers(*element, tag, *name_);
  for (double v : values)
    MEDUSA_CHECK_INPUT(std::isfinite(v), "{}: {}: expected a finite number, found {}", *name_, named(tag), v);
  return values;
}

std::vector<DicomItem> DicomItem::items(DicomTag tag) const {
  DcmElement* element = find(item_, tag);
  std::vector<DicomItem> result;
  if (!element || element->ident() != EVR_SQ) return result;
  auto& sequence = static_cast<DcmSequenceOfItems&>(*element);
  // The list remembers where it is: asked in order, each item is one step away.
  for (unsigned long i = 0, n = sequence.card(); i < n; ++i) result.push_back({sequence.getItem(i), name_});
  return result;
}

// ---- DicomFile

struct DicomFile::Parsed {
  std::string name;
  std::size_t bytes = 0;
  DcmFileFormat file;
};

DicomFile::DicomFile(std::unique_ptr<Parsed> parsed) : parsed_(std::move(parsed)) {}
DicomFile::DicomFile(DicomFile&&) noexcept = default;
DicomFile::~DicomFile() = default;

DicomFile DicomFile::parse(std::span<const unsigned char> bytes, const std::string& name) {
  start_dcmtk();
  const DicomLayout layout = guard_dicom(bytes, name);
  auto parsed = std::make_unique<Parsed>();
  parsed->name = name;
  parsed->bytes = bytes.size();
  const OFCondition status = read_elements(layout, bytes, *parsed->file.getDataset());
  MEDUSA_CHECK_INPUT(status.good(), "{}: is damaged or cut off: {}", name, status.text());
  MEDUSA_CHECK_INPUT(parsed->file.getDataset()->card() > 0, "{}: is a DICOM file without content", name);
  return DicomFile(std::move(parsed));
}

DicomItem DicomFile::root() const { return {parsed_->file.getDataset(), &parsed_->name}; }

std::string DicomFile::transfer_syntax() const {
  return DcmXfer(parsed_->file.getDataset()->getOriginalXfer()).getXferID();
}

namespace {

// What an image claims to be, checked against what its file can hold.
struct Claim {
  std::int64_t rows, columns, frames, bytes_per_pixel;
  std::int64_t pixels() const { return rows * columns * frames; }
};

Claim image_claim(const DicomItem& root) {
  const auto whole = [&root](DicomTag tag, double otherwise, double most) {
    const double v = root.number(tag, otherwise);
    MEDUSA_CHECK_INPUT(v >= 1 && v <= most && v == std::floor(v),
                       "{}: {}: expected a whole number from 1 to {}, found {}", root.file(), named(tag), most, v);
    return static_cast<std::int64_t>(v);
  };
  const Claim c{whole(0x00280010, 0, 65535), whole(0x00280011, 0, 65535), whole(0x00280008, 1, 1e6),
                whole(0x00280100, 0, 64) / 8};
  const auto samples = whole(0x00280002, 1, 4);
  MEDUSA_CHECK_INPUT(samples == 1, "{}: expected a grey image, found {} samples per pixel", root.file(), samples);
  const double bits = root.number(0x00280100, 0);
  MEDUSA_CHECK_INPUT(bits == 8 || bits == 16 || bits == 32, "{}: expected 8, 16 or 32 bits allocated, found {}",
                     root.file(), bits);
  MEDUSA_CHECK_INPUT(c.rows * c.columns <= kMostPixels, "{}: expected at most {} pixels in a frame, found {} x {}",
                     root.file(), kMostPixels, c.rows, c.columns);
  return c;
}

DcmPixelData& pixel_data(DcmDataset& dataset, const std::string& name) {
  DcmElement* element = nullptr;
  const bool there = dataset.findAndGetElement(DCM_PixelData, element).good() && element;
  auto* pixels = there ? dynamic_cast<DcmPixelData*>(element) : nullptr;
  MEDUSA_CHECK_INPUT(pixels, "{}: has no pixels", name);
  return *pixels;
}

// Decodes compressed frames in place, after the claim was checked.
void decompress(DcmDataset& dataset, const Claim& claim, std::size_t file_bytes, const std::string& name) {
  const E_TransferSyntax syntax = dataset.getOriginalXfer();
  if (!DcmXfer(syntax).isEncapsulated()) return;
  MEDUSA_CHECK_INPUT(decodable(syntax), "{}: is compressed as {}, which cannot be decoded here; decompress it first",
                     name, syntax_name(syntax));
  DcmPixelSequence* sequence = nullptr;
  DcmPixelData& pixels = pixel_data(dataset, name);
  const bool found = pixels.getEncapsulatedRepresentation(syntax, nullptr, sequence).good() && sequence;
  MEDUSA_CHECK_INPUT(found, "{}: says that it is compressed as {}, but its pixels are not", name, syntax_name(syntax));
  const auto fragments = static_cast<std::int64_t>(sequence->card()) - 1;  // after the offset table
  MEDUSA_CHECK_INPUT(claim.frames <= fragments, "{}: expected {} frames, found {} pieces of data", name, claim.frames,
                     std::max<std::int64_t>(fragments, 0));
  const double most = static_cast<double>(file_bytes) * largest_expansion(syntax);
  MEDUSA_CHECK_INPUT(static_cast<double>(claim.pixels() * claim.bytes_per_pixel) <= most,
                     "{}: {} bytes cannot hold {} frames of {} x {} pixels", name, file_bytes, claim.frames, claim.rows,
                     claim.columns);
  const OFCondition status = dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
  MEDUSA_CHECK_INPUT(status.good(), "{}: its pixels cannot be decoded ({}): {}", name, syntax_name(syntax),
                     status.text());
}

// DCMTK hands out 16-bit words in the machine's order; which of two comes first depends on the file.
std::vector<std::uint32_t> cells_of(DcmPixelData& pixels, const Claim& claim, bool big_endian,
                                    const std::string& name) {
  const auto bytes = static_cast<std::int64_t>(pixels.getLength());
  const std::int64_t expected = claim.pixels() * claim.bytes_per_pixel;
  MEDUSA_CHECK_INPUT(bytes >= expected, "{}: expected {} bytes of pixels, found {}", name, expected, bytes);
  std::vector<std::uint32_t> cells(static_cast<std::size_t>(claim.pixels()));
  const std::size_t n = cells.size();
  Uint8* small = nullptr;
  Uint16* words = nullptr;
  const bool one_byte = claim.bytes_per_pixel == 1 && pixels.getUint8Array(small).good() && small;
  MEDUSA_CHECK_INPUT(one_byte || (pixels.getUint16Array(words).good() && words), "{}: its pixels cannot be read", name);
  if (one_byte) {
    std::copy_n(small, n, cells.begin());
  } else if (claim.bytes_per_pixel == 1) {  // 8-bit pixels in 16-bit words: the first is the low byte
    for (std::size_t i = 0; i < n; ++i) cells[i] = words[i / 2] >> (i % 2 * 8) & 0xFF;
  } else if (claim.bytes_per_pixel == 2) {
    std::copy_n(words, n, cells.begin());
  } else {
    const std::size_t low = big_endian ? 1 : 0;
    for (std::size_t i = 0; i < n; ++i)
      cells[i] = static_cast<std::uint32_t>(words[2 * i + low]) | static_cast<std::uint32_t>(words[2 * i + 1 - low])
                                                                      << 16;
  }
  return cells;
}

}  // namespace

DicomCells DicomFile::cells() {
  DcmDataset& dataset = *parsed_->file.getDataset();
  const std::string& name = parsed_->name;
  const Claim claim = image_claim(root());
  pixel_data(dataset, name);
  decompress(dataset, claim, parsed_->bytes, name);
  // Decoded RLE and JPEG data is already in this machine's order.
  const bool big_endian = DcmXfer(dataset.getOriginalXfer()).getByteOrder() == EBO_BigEndian;
  return {cells_of(pixel_data(dataset, name), claim, big_endian, name), claim.rows, claim.columns, claim.frames};
}

}  // namespace medusa::datasets

// Reading trusts nothing: every number in the header is checked before use.
#include "nn/safetensors.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "tensor/file.h"
#include "tensor/text.h"

namespace medusa::nn {

namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr int kMaxDepth = 3;                       // header > tensor > shape
constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kChecksumsKey = "checksums";
constexpr const char* kChecksumKey = "checksum";
constexpr const char* kOwnType = sizeof(real) == 4 ? "F32" : "F64";

struct Type {
  const char* name;
  std::uint64_t bytes;
  void (*convert)(const char* from, std::int64_t n, real* to);
};

template <class T>
void convert(const char* from, std::int64_t n, real* to) {
  for (std::int64_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, from + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    to[i] = static_cast<real>(value);
  }
}

void convert_bool(const char* from, std::int64_t n, real* to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i] != 0;
}

void convert_bf16(const char* from, std::int64_t n, real* to) {  // the upper half of a float
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint16_t half;
    std::memcpy(&half, from + 2 * i, 2);
    to[i] = static_cast<real>(std::bit_cast<float>(std::uint32_t{half} << 16));
  }
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15) and 10 fraction bits.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15, exponent = (half >> 10) & 31u, fraction = half & 1023u;
  float magnitude;
  if (exponent == 31)
    magnitude = std::bit_cast<float>(0x7F800000u | fraction << 13);  // infinity or NaN
  else if (exponent == 0)
    magnitude = std::ldexp(static_cast<float>(fraction), -24);  // subnormal
  else
    magnitude = std::bit_cast<float>((exponent + 112) << 23 | fraction << 13);
  return sign ? -magnitude : magnitude;
}

void convert_f16(const char* from, std::int64_t n, real* to) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint16_t half;
    std::memcpy(&half, from + 2 * i, 2);
    to[i] = static_cast<real>(half_to_float(half));
  }
}

constexpr Type kTypes[] = {
    {"F64", 8, convert<double>},       {"F32", 4, convert<float>},        {"F16", 2, convert_f16},
    {"BF16", 2, convert_bf16},         {"I64", 8, convert<std::int64_t>}, {"I32", 4, convert<std::int32_t>},
    {"I16", 2, convert<std::int16_t>}, {"I8", 1, convert<std::int8_t>},   {"U8", 1, convert<std::uint8_t>},
    {"BOOL", 1, convert_bool},
};

const Type* find_type(const std::string& name) {
  for (const Type& type : kTypes)
    if (name == type.name) return &type;
  return nullptr;
}

// A name out of the file, in quotes.
std::string in_quotes(const std::string& text) { return '"' + printable(text.substr(0, 200)) + '"'; }

// The header as JSON.  Duplicate names would silently overwrite each other: they are refused.
json parse_json(const std::string& path, const std::string& text) {
  std::vector<std::set<std::string>> seen;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      seen.resize(static_cast<std::size_t>(depth) + 1);
      seen.back().clear();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      MEDUSA_CHECK_INPUT(seen[static_cast<std::size_t>(depth) - 1].insert(key).second, "{}: the header has {} twice",
                         path, in_quotes(key));
    }
    return true;
  };
  try {
    check_nesting(text, path, kMaxDepth);
    json header = json::parse(text, check);
    MEDUSA_CHECK_INPUT(header.is_object(), "{}: the header is not a JSON object", path);
    return header;
  } catch (const json::exception& error) {
    std::string what = error.what();
    std::replace_if(
        what.begin(), what.end(), [](char c) { return static_cast<unsigned char>(c) < 32; }, ' ');
    fail_input("{}: the header is not valid JSON: {}", path, what.substr(0, 300));
  }
}

SafetensorsEntry parse_entry(const std::string& path, const std::string& name, const json& value) {
  const auto bad = [&](const std::string& why) { fail_input("{}: tensor {}: {}", path, in_quotes(name), why); };
  if (!value.is_object()) bad("its entry is not an object");
  for (const auto& [key, unused] : value.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets") bad("unexpected field " + in_quotes(key));
  const auto field = [&](const char* key, bool is_array) -> const json& {
    const auto found = value.find(key);
    if (found == value.end()) bad(fmt::format("has no {}", key));
    if (is_array ? !found->is_array() : !found->is_string()) bad(fmt::format("{} has the wrong type", key));
    return *found;
  };
  SafetensorsEntry entry;
  entry.dtype = field("dtype", false).get<std::string>();
  const Type* type = find_type(entry.dtype);
  if (type == nullptr)
    bad(fmt::format("dtype {} is not supported (F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL are)",
                    in_quotes(entry.dtype)));
  std::uint64_t bytes = type->bytes;
  for (const json& size : field("shape", true)) {
    if (!size.is_number_unsigned()) bad("a size of its shape is not a whole number of at least 0");
    const auto n = size.get<std::uint64_t>();
    // Sizes after a 0 must not overflow either: a program may multiply them in another order.
    if (n > INT64_MAX || __builtin_mul_overflow(bytes, std::max<std::uint64_t>(n, 1), &bytes) || bytes > INT64_MAX)
      bad("its shape overflows");
    entry.shape.push_back(static_cast<std::int64_t>(n));
  }
  entry.numel = 1;
  for (std::int64_t n : entry.shape) entry.numel *= n;
  bytes = static_cast<std::uint64_t>(entry.numel) * type->bytes;
  const json& offsets = field("data_offsets", true);
  if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    bad("data_offsets are not two whole numbers");
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  if (entry.begin > entry.end) bad(fmt::format("data_offsets [{}, {}] are misordered", entry.begin, entry.end));
  if (entry.end - entry.begin != bytes)
    bad(fmt::format("its shape and dtype {} take {} bytes, its data_offsets span {}", entry.dtype, bytes,
                    entry.end - entry.begin));
  return entry;
}

// The tensors must tile the data exactly: no gap, no overlap, nothing left over.
void check_tiling(const std::string& path, const std::map<std::string, SafetensorsEntry>& entries, std::uint64_t size) {
  std::vector<std::pair<const std::string*, const SafetensorsEntry*>> order;
  for (const auto& [name, entry] : entries) order.emplace_back(&name, &entry);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  std::uint64_t at = 0;
  for (const auto& [name, entry] : order) {
    MEDUSA_CHECK_INPUT(entry->end <= size, "{}: tensor {} ends at byte {} of the data, which has {}: cut off?", path,
                       in_quotes(*name), entry->end, size);
    MEDUSA_CHECK_INPUT(entry->begin >= at, "{}: tensor {} overlaps the one before it", path, in_quotes(*name));
    MEDUSA_CHECK_INPUT(entry->begin == at, "{}: {} unused bytes before tensor {}", path, entry->begin - at,
                       in_quotes(*name));
    at = entry->end;
  }
  MEDUSA_CHECK_INPUT(at == size, "{}: {} bytes after the last tensor", path, size - at);
}

// CRC-32 (ISO 3309, as in PNG and gzip) of pieces of bytes.
class Checksum {
 public:
  void add(const void* bytes, std::size_t size) { crc_ = crc32_z(crc_, static_cast<const Bytef*>(bytes), size); }
  std::string text() const { return fmt::format("{:08x}", crc_); }

 private:
  uLong crc_ = crc32_z(0, nullptr, 0);
};

// Of all that a header says, whatever the order and spacing of its JSON.
std::string checksum_of(const std::map<std::string, SafetensorsEntry>& entries, const Metadata& metadata,
                        const std::map<std::string, std::string>& checksums) {
  Checksum sum;
  const auto add = [&](const std::string& text) { sum.add(text.c_str(), text.size() + 1); };  // with its zero
  for (const auto& [name, e] : entries)
    add(name), add(fmt::format("{} {} {} {}", e.dtype, fmt::join(e.shape, ","), e.begin, e.end));
  for (const auto& [key, value] : metadata) add(key), add(value);
  for (const auto& [name, text] : checksums) add(name), add(text);
  return sum.text();
}

std::unique_ptr<std::istream> open_file(const std::string& path) {
  struct stat info {};
  MEDUSA_CHECK_INPUT(::stat(path.c_str(), &info) == 0, "{}: cannot be read: {}", path,
                     std::generic_category().message(errno));
  MEDUSA_CHECK_INPUT(S_ISREG(info.st_mode), "{}: is {}, expected a safetensors file", path,
                     S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
  auto stream = std::make_unique<std::ifstream>(path, std::ios::binary);
  MEDUSA_CHECK_INPUT(stream->is_open(), "{}: cannot be read: {}", path, std::generic_category().message(errno));
  return stream;
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& path) : SafetensorsReader(open_file(path), path) {}

SafetensorsReader::SafetensorsReader(std::unique_ptr<std::istream> stream, std::string name)
    : path_(std::move(name)), stream_(std::move(stream)) {
  parse_header();
}

void SafetensorsReader::parse_header() {
  stream_->seekg(0, std::ios::end);
  const std::streamoff size = stream_->tellg();
  stream_->seekg(0);
  MEDUSA_CHECK_INPUT(*stream_ && size >= 0, "{}: cannot be read", path_);
  const auto bytes = static_cast<std::uint64_t>(size);
  MEDUSA_CHECK_INPUT(bytes >= 8, "{}: is {} bytes long, too short for a safetensors file", path_, bytes);
  std::uint64_t length = 0;
  stream_->read(reinterpret_cast<char*>(&length), 8);
  MEDUSA_CHECK_INPUT(length <= std::min(bytes - 8, kMaxHeader),
                     "{}: not a safetensors file, or cut off: its header claims {} bytes, the file has {}", path_,
                     length, bytes);
  std::string text(length, '\0');
  stream_->read(text.data(), static_cast<std::streamsize>(length));
  MEDUSA_CHECK_INPUT(static_cast<bool>(*stream_), "{}: cannot be read", path_);
  MEDUSA_CHECK_INPUT(!text.empty() && text[0] == '{', "{}: not a safetensors file: its header does not start with '{{'",
                     path_);
  data_begin_ = 8 + length;
  const json header = parse_json(path_, text);
  for (const auto& [name, value] : header.items()) {
    if (name != kMetadataKey) {
      entries_.emplace(name, parse_entry(path_, name, value));
      continue;
    }
    MEDUSA_CHECK_INPUT(value.is_object(), "{}: {} is not an object", path_, kMetadataKey);
    for (const auto& [key, text_value] : value.items()) {
      MEDUSA_CHECK_INPUT(text_value.is_string(), "{}: {}: {} is not a string", path_, kMetadataKey, in_quotes(key));
      metadata_[key] = text_value.get<std::string>();
    }
  }
  check_tiling(path_, entries_, bytes - data_begin_);
  check_seal();
}

// Takes the checksums out of the metadata, and checks that of the header.
void SafetensorsReader::check_seal() {
  const auto sums = metadata_.find(kChecksumsKey), sum = metadata_.find(kChecksumKey);
  if (sums == metadata_.end() && sum == metadata_.end()) return;
  const auto damaged = [&] { fail_input("{}: is damaged: its header does not have its checksum", path_); };
  if (sums == metadata_.end() || sum == metadata_.end()) damaged();
  check_nesting(sums->second, path_, 1);
  const json parsed = json::parse(sums->second, nullptr, false);
  const std::string expected = sum->second;
  if (!parsed.is_object()) damaged();
  for (const auto& [name, text] : parsed.items()) {
    if (!text.is_string() || entries_.count(name) == 0) damaged();
    checksums_[name] = text.get<std::string>();
  }
  metadata_.erase(kChecksumsKey);
  metadata_.erase(kChecksumKey);
  if (checksums_.size() != entries_.size() || checksum_of(entries_, metadata_, checksums_) != expected) damaged();
  checksum_ = expected;
}

void SafetensorsReader::verify() const {
  if (!has_checksums()) return;
  for (const auto& [name, entry] : entries_) values(name);
}

const SafetensorsEntry& SafetensorsReader::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  MEDUSA_CHECK_INPUT(found != entries_.end(), "{}: has no tensor {}", path_, in_quotes(name));
  return found->second;
}

void SafetensorsReader::read(const std::string& name, const SafetensorsEntry& entry, real* out) const {
  const Type& type = *find_type(entry.dtype);
  stream_->clear();
  stream_->seekg(static_cast<std::streamoff>(data_begin_ + entry.begin));
  std::vector<char> piece;  // values are converted a piece at a time: no second copy of the tensor
  constexpr std::int64_t kPiece = 1 << 16;
  Checksum sum;
  for (std::int64_t at = 0; at < entry.numel; at += kPiece) {
    const std::int64_t n = std::min(kPiece, entry.numel - at);
    piece.resize(static_cast<std::size_t>(n) * type.bytes);
    stream_->read(piece.data(), static_cast<std::streamsize>(piece.size()));
    MEDUSA_CHECK_INPUT(static_cast<bool>(*stream_), "{}: tensor {} cannot be read", path_, in_quotes(name));
    sum.add(piece.data(), piece.size());
    type.convert(piece.data(), n, out + at);
  }
  if (!has_checksums()) return;
  const std::string& expected = checksums_.at(name);
  MEDUSA_CHECK_INPUT(sum.text() == expected, "{}: is damaged: tensor {} has the checksum {}, expected {}", path_,
                     in_quotes(name), sum.text(), expected);
}

std::vector<real> SafetensorsReader::values(const std::string& name) const {
  const SafetensorsEntry& e = entry(name);
  std::vector<real> out(static_cast<std::size_t>(e.numel));
  read(name, e, out.data());
  return out;
}

Tensor SafetensorsReader::tensor(const std::string& name) const {
  const SafetensorsEntry& e = entry(name);
  MEDUSA_CHECK_INPUT(e.shape.size() <= Shape::kMaxRank, "{}: tensor {} has {} axes, at most {} are supported", path_,
                     in_quotes(name), e.shape.size(), static_cast<int>(Shape::kMaxRank));
  Tensor t = Tensor::empty(Shape(e.shape));
  read(name, e, t.mutable_data());
  return t;
}

namespace {

// An item's values as they are written.
Tensor value_of(const SafetensorsItem& item, const std::string& path) {
  std::int64_t numel = 1;
  for (std::int64_t n : item.shape) numel *= n;
  Tensor value = item.value().to(Device::CPU);
  MEDUSA_CHECK(value.numel() == numel, "{}: tensor {}: shape {} does not have {} elements", path, in_quotes(item.name),
               value.shape(), numel);
  return value;
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<SafetensorsItem>& items, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  header[kMetadataKey] = nullptr;  // first, filled in below
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, std::string> checksums;
  std::uint64_t at = 0;
  for (const SafetensorsItem& item : items) {
    MEDUSA_CHECK(item.name != kMetadataKey && !header.contains(item.name), "{}: tensor name {} is taken", path,
                 in_quotes(item.name));
    std::int64_t numel = 1;
    for (std::int64_t n : item.shape) numel *= n;
    const std::uint64_t end = at + static_cast<std::uint64_t>(numel) * sizeof(real);
    header[item.name] = {{"dtype", kOwnType}, {"shape", item.shape}, {"data_offsets", {at, end}}};
    entries[item.name] = {kOwnType, item.shape, numel, at, end};
    Checksum sum;
    const Tensor value = value_of(item, path);
    sum.add(value.data(), static_cast<std::size_t>(value.bytes()));
    checksums[item.name] = sum.text();
    at = end;
  }
  for (const char* key : {kChecksumsKey, kChecksumKey})
    MEDUSA_CHECK(metadata.count(key) == 0, "{}: metadata name {} is taken", path, key);
  std::string text;
  try {
    Metadata all = metadata;
    all[kChecksumsKey] = json(checksums).dump();
    all[kChecksumKey] = checksum_of(entries, metadata, checksums);
    header[kMetadataKey] = all;
    text = header.dump();
  } catch (const json::exception&) {
    fail("{}: a tensor's name or a metadata text is not valid UTF-8", path);
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // the data starts at a multiple of 8
  write_file(path, [&](const auto& write) {
    const std::uint64_t length = text.size();
    write(&length, 8);
    write(text.data(), text.size());
    for (const SafetensorsItem& item : items) {
      const Tensor value = value_of(item, path);
      write(value.data(), static_cast<std::size_t>(value.bytes()));
    }
  });
}

void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const Metadata& metadata) {
  std::vector<SafetensorsItem> items;
  for (const auto& [name, tensor] : tensors)
    items.push_back({name, {tensor.shape().begin(), tensor.shape().end()}, [&tensor = tensor] { return tensor; }});
  write_safetensors(path, items, metadata);
}

}  // namespace medusa::nn

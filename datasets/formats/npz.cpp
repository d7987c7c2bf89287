// .npz: a zip archive (PKWARE's APPNOTE.TXT) with an .npy file for each array.
#include <zlib.h>

#include <algorithm>

#include "datasets/formats/npy.h"
#include "datasets/formats/npy_format.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

using Bytes = std::span<const unsigned char>;

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22;

std::uint32_t little(Bytes bytes, std::size_t at, std::size_t n) {
  std::uint32_t value = 0;
  for (std::size_t i = n; i-- > 0;) value = value << 8 | bytes[at + i];
  return value;
}

struct Entry {
  std::string name;
  std::uint32_t method = 0, crc = 0, packed = 0, size = 0, local = 0;
};

// The end record is the last thing in the file, but for a comment of up to 65535 bytes.
std::size_t find_end(Bytes zip, const std::string& name) {
  MEDUSA_CHECK_INPUT(zip.size() >= kEndSize, "{}: is not an .npz file: {} bytes long", name, zip.size());
  const std::size_t last = zip.size() - kEndSize, first = last > 65535 ? last - 65535 : 0;
  for (std::size_t at = last + 1; at-- > first;)
    if (zip[at] == 'P' && little(zip, at, 4) == kEnd) return at;
  fail_input("{}: is not a complete .npz file: the zip archive's end record is missing", name);
}

std::vector<Entry> entries_of(Bytes zip, const std::string& name) {
  const std::size_t end = find_end(zip, name);
  const std::uint32_t count = little(zip, end + 10, 2), start = little(zip, end + 16, 4);
  MEDUSA_CHECK_INPUT(count != 0xffff && start != 0xffffffff,
                     "{}: is a zip64 archive (4 GiB or more), which is not supported", name);
  std::vector<Entry> entries;
  std::size_t at = start, packed = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    MEDUSA_CHECK_INPUT(at + kCentralSize <= end && little(zip, at, 4) == kCentral,
                       "{}: damaged zip archive: entry {} of {} is not at byte {}", name, i + 1, count, at);
    const std::size_t length = little(zip, at + 28, 2);
    MEDUSA_CHECK_INPUT(at + kCentralSize + length <= end, "{}: damaged zip archive: a name is cut off", name);
    Entry e;
    e.name.assign(reinterpret_cast<const char*>(&zip[at + kCentralSize]), length);
    e.method = little(zip, at + 10, 2);
    e.crc = little(zip, at + 16, 4);
    e.packed = little(zip, at + 20, 4);
    e.size = little(zip, at + 24, 4);
    e.local = little(zip, at + 42, 4);
    MEDUSA_CHECK_INPUT((little(zip, at + 8, 2) & 1) == 0, "{}: {} is encrypted", name, e.name);
    MEDUSA_CHECK_INPUT(e.method == 0 || e.method == 8,
                       "{}: {} is packed by method {}, expected 0 (stored) or 8 (deflate)", name, e.name, e.method);
    MEDUSA_CHECK_INPUT(e.packed != 0xffffffff && e.size != 0xffffffff && e.local != 0xffffffff,
                       "{}: {} is a zip64 entry (4 GiB or more), which is not supported", name, e.name);
    packed += e.packed;
    // Many entries that share the same packed bytes could unpack to any size.
    MEDUSA_CHECK_INPUT(packed <= zip.size(), "{}: its entries claim more bytes than it has", name);
    entries.push_back(e);
    at += kCentralSize + length + little(zip, at + 30, 2) + little(zip, at + 32, 2);
  }
  return entries;
}

Bytes packed_bytes(Bytes zip, const Entry& e, const std::string& name) {
  MEDUSA_CHECK_INPUT(e.local + kLocalSize <= zip.size() && little(zip, e.local, 4) == kLocal,
                     "{}: damaged zip archive: {} is not at byte {}", name, e.name, e.local);
  const std::size_t start = e.local + kLocalSize + little(zip, e.local + 26, 2) + little(zip, e.local + 28, 2);
  MEDUSA_CHECK_INPUT(start + e.packed <= zip.size(), "{}: {} is cut off: found {} of {} bytes", name, e.name,
                     zip.size() - std::min(start, zip.size()), e.packed);
  return zip.subspan(start, e.packed);
}

// Unpacks a whole entry, to verify its checksum before it is used.
std::vector<unsigned char> unpacked(Bytes zip, const Entry& e, const std::string& name) {
  ByteStream stream(packed_bytes(zip, e, name), e.method == 8 ? Packing::Deflate : Packing::None, name);
  MEDUSA_CHECK_INPUT(e.size <= stream.most(), "{}: claims {} bytes, more than its {} can hold", name, e.size, e.packed);
  std::vector<unsigned char> bytes(e.size);
  stream.read(bytes.data(), bytes.size(), "the array");
  const auto crc = static_cast<std::uint32_t>(::crc32_z(::crc32(0, nullptr, 0), bytes.data(), bytes.size()));
  MEDUSA_CHECK_INPUT(crc == e.crc, "{}: is damaged: checksum {:08x}, expected {:08x}", name, crc, e.crc);
  return bytes;
}

void put(std::string& out, std::uint64_t value, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i, value >>= 8) out += static_cast<char>(value & 255);
}

// What local and central records have in common.  All files are dated 1 January 1980, so that the same arrays give the
// same bytes.
void put_common(std::string& out, const Entry& e) {
  put(out, 20, 2);  // deflate needs zip 2.0
  put(out, 0, 2);
  put(out, e.method, 2);
  put(out, 0, 2);
  put(out, 1 << 5 | 1, 2);
  put(out, e.crc, 4);
  put(out, e.packed, 4);
  put(out, e.size, 4);
  put(out, e.name.size(), 2);
  put(out, 0, 2);
}

}  // namespace

NpzArrays decode_npz(Bytes bytes, const std::string& name) {
  NpzArrays arrays;
  for (const Entry& entry : entries_of(bytes, name)) {
    if (entry.name.size() <= 4 || entry.name.compare(entry.name.size() - 4, 4, ".npy") != 0) continue;
    const std::string key = entry.name.substr(0, entry.name.size() - 4);
    const std::vector<unsigned char> array = unpacked(bytes, entry, name + ": " + entry.name);
    arrays[key] = decode_npy(array, name + ": " + key);
  }
  return arrays;
}

NpzArrays read_npz(const std::string& path) { return decode_npz(read_file(path), path); }

void write_npz(const std::string& path, const NpzArrays& arrays) {
  write_file(path, [&](const auto& write) {
    std::string directory;
    std::size_t at = 0;
    for (const auto& [key, array] : arrays) {
      Entry e{key + ".npy", 8};
      std::string packed;
      uLong crc = ::crc32(0, nullptr, 0);
      std::size_t size = 0;
      pack(
          Packing::Deflate, 6,
          [&packed](const void* data, std::size_t n) { packed.append(static_cast<const char*>(data), n); },
          [&, &values = array](const Sink& sink) {
            write_npy_stream(values, path, [&](const void* data, std::size_t n) {
              crc = ::crc32_z(crc, static_cast<const Bytef*>(data), n);
              size += n;
              sink(data, n);
            });
          });
      MEDUSA_CHECK(std::max({size, packed.size(), at}) < 0xffffffff, "{}: cannot be written: 4 GiB or more", path);
      e.crc = static_cast<std::uint32_t>(crc);
      e.packed = static_cast<std::uint32_t>(packed.size());
      e.size = static_cast<std::uint32_t>(size);
      std::string head;
      put(head, kLocal, 4);
      put_common(head, e);
      head += e.name;
      write(head.data(), head.size());
      write(packed.data(), packed.size());
      put(directory, kCentral, 4);
      put(directory, 20, 2);
      put_common(directory, e);
      put(directory, 0, 10);  // no comment, first disk, no attributes
      put(directory, at, 4);
      directory += e.name;
      at += head.size() + packed.size();
    }
    std::string end;
    put(end, kEnd, 4);
    put(end, 0, 4);
    put(end, arrays.size(), 2);
    put(end, arrays.size(), 2);
    put(end, directory.size(), 4);
    put(end, at, 4);
    put(end, 0, 2);
    write(directory.data(), directory.size());
    write(end.data(), end.size());
  });
}

}  // namespace medusa::datasets

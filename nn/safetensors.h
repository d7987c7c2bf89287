// The safetensors file format: 8 bytes little-endian header length, a JSON header, the tensors' raw values.
// Read strictly (a file that breaks the format in any way is refused, with the reason), written atomically.
// Files written here carry checksums in their metadata, which other programs ignore, and a damaged one is refused:
//   "checksums"   {"<tensor>": "<CRC-32 of its bytes, 8 hexadecimal digits>", ...}
//   "checksum"    CRC-32 of everything else that the header says
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace medusa::nn {

using Metadata = std::map<std::string, std::string>;

// What the header says about one tensor.
struct SafetensorsEntry {
  std::string dtype;                // F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL
  std::vector<std::int64_t> shape;  // any rank
  std::int64_t numel = 0;
  std::uint64_t begin = 0, end = 0;  // bytes, counted from the end of the header
};

// An open file: the header is read and checked, values are read when asked for.
class SafetensorsReader {
 public:
  // Throws InputError with the file and the reason if it is missing or malformed.
  explicit SafetensorsReader(const std::string& path);
  // The same on any seekable stream; `name` stands for the path in messages.
  SafetensorsReader(std::unique_ptr<std::istream> stream, std::string name);

  const std::string& path() const { return path_; }
  const std::map<std::string, SafetensorsEntry>& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }  // without the checksums
  // Whether the file has checksums; one from another program, or an older version of this, has none.
  bool has_checksums() const { return !checksum_.empty(); }
  // That of the header, which covers the tensors' checksums and so the whole file; "" if it has none.
  const std::string& checksum() const { return checksum_; }
  bool has(const std::string& name) const { return entries_.count(name) > 0; }
  // Throws InputError where there is no such tensor.
  const SafetensorsEntry& entry(const std::string& name) const;

  // Throws InputError where a tensor does not have its checksum.  Reads the whole file.
  void verify() const;

  // A tensor's values, whatever their type, as `real`, row by row.  Throws InputError where they are damaged.  Integers
  // beyond 2^24 (float build) are rounded.
  std::vector<real> values(const std::string& name) const;
  // The same as a Tensor; throws InputError where it has more axes than a Shape may have.
  Tensor tensor(const std::string& name) const;

 private:
  void parse_header();
  void check_seal();
  void read(const std::string& name, const SafetensorsEntry& entry, real* out) const;

  std::string path_;
  std::unique_ptr<std::istream> stream_;
  std::uint64_t data_begin_ = 0;
  std::map<std::string, SafetensorsEntry> entries_;
  Metadata metadata_;
  std::string checksum_;
  std::map<std::string, std::string> checksums_;  // by tensor
};

// A tensor to be written.  `value` is called twice, for the checksum and when the tensor is due, so writing needs
// memory for one converted tensor at a time.  Its result must have as many elements as `shape`, and be the same both
// times.
struct SafetensorsItem {
  std::string name;
  std::vector<std::int64_t> shape;
  std::function<Tensor()> value;
};

// Writes all items in order as F32 (F64 in a double build).  Throws Error (see tensor/file.h: nothing half-written).
void write_safetensors(const std::string& path, const std::vector<SafetensorsItem>& items,
                       const Metadata& metadata = {});
void write_safetensors(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       const Metadata& metadata = {});

}  // namespace medusa::nn

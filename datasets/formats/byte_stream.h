// Reads the bytes of a file in order, decompressing on demand; and compresses bytes for writing.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace medusa::datasets {

// How the bytes are packed.  All but None hold the same deflate stream, in different wrappers.
enum class Packing { None, Gzip, Zlib, Deflate };

// Gzip where the first two bytes say so, else None.
Packing gzip_or_none(std::span<const unsigned char> bytes);

// Reads from memory that must live as long as the stream.  Decompression goes piece by piece: what is never asked for
// is never unpacked, so a small file that would unpack to terabytes does no harm.
class ByteStream {
 public:
  // `name` stands for the file in messages.
  ByteStream(std::span<const unsigned char> bytes, Packing packing, std::string name);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // An upper bound on the bytes still to come: deflate packs at most 1032 : 1.  Sizes that a header claims are checked
  // against it before memory is allocated.
  std::size_t most() const;
  // Fills n bytes.  Throws InputError if the file ends too early; `what` names what is read: "voxels".
  void read(void* to, std::size_t n, const char* what);
  // Fills up to n bytes, as many as are left; returns their number.
  std::size_t read_some(void* to, std::size_t n);
  void skip(std::size_t n, const char* what);
  // Unpacks to the end, so that the checksum is verified; at most 1 MiB, since the rest is not needed.
  void finish();

  const std::string& name() const { return name_; }
  std::size_t delivered() const { return delivered_; }
  // True if all packed bytes were used and the stream did not end.
  bool cut_off() const { return cut_off_; }

 private:
  bool next_member();
  [[noreturn]] void damaged() const;

  std::span<const unsigned char> bytes_;
  Packing packing_;
  std::string name_;
  std::size_t used_ = 0, delivered_ = 0;
  bool ended_ = false, cut_off_ = false;
  z_stream z_{};
};

using Sink = std::function<void(const void*, std::size_t)>;

// Packs what `produce` writes and hands it to `sink`, piece by piece.  Level 1 (fast) to 9 (small).
void pack(Packing packing, int level, const Sink& sink, const std::function<void(const Sink&)>& produce);

}  // namespace medusa::datasets

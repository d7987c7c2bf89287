#include "datasets/formats/byte_stream.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;

// zlib's way to say which wrapper: 15 is the window of 2^15 bytes.
int window_bits(Packing packing) { return packing == Packing::Gzip ? 15 + 16 : packing == Packing::Zlib ? 15 : -15; }

uInt limited(std::size_t n) { return static_cast<uInt>(std::min<std::size_t>(n, std::size_t{1} << 30)); }

}  // namespace

Packing gzip_or_none(std::span<const unsigned char> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b ? Packing::Gzip : Packing::None;
}

ByteStream::ByteStream(std::span<const unsigned char> bytes, Packing packing, std::string name)
    : bytes_(bytes), packing_(packing), name_(std::move(name)) {
  if (packing_ != Packing::None) MEDUSA_CHECK(inflateInit2(&z_, window_bits(packing_)) == Z_OK, "zlib: cannot start");
}

ByteStream::~ByteStream() {
  if (packing_ != Packing::None) inflateEnd(&z_);
}

std::size_t ByteStream::most() const {
  const std::size_t left = bytes_.size() - used_;
  if (packing_ == Packing::None) return left;
  // What zlib has taken in and not yet given out: less than a window and a match.
  return left > std::numeric_limits<std::size_t>::max() / 2048 ? left : 1032 * left + 65536;
}

void ByteStream::damaged() const {
  fail_input("{}: damaged compressed data at byte {} of {}: {}", name_, used_, bytes_.size(),
             z_.msg ? z_.msg : "not a valid stream");
}

// A gzip file may be several streams in a row (bgzip writes such files), padded with zeros.  Any other bytes after the
// last one do not belong to it.
bool ByteStream::next_member() {
  if (packing_ != Packing::Gzip) return false;
  std::size_t at = used_;
  while (at < bytes_.size() && bytes_[at] == 0) ++at;
  if (gzip_or_none(bytes_.subspan(at)) == Packing::None) return false;
  used_ = at;
  return inflateReset(&z_) == Z_OK;
}

std::size_t ByteStream::read_some(void* to, std::size_t n) {
  if (packing_ == Packing::None) {
    const std::size_t count = std::min(n, bytes_.size() - used_);
    if (count > 0) std::memcpy(to, bytes_.data() + used_, count);
    used_ += count;
    delivered_ += count;
    return count;
  }
  std::size_t done = 0;
  while (done < n && !ended_) {
    z_.next_in = const_cast<Bytef*>(bytes_.data() + used_);
    z_.avail_in = limited(bytes_.size() - used_);
    z_.next_out = static_cast<Bytef*>(to) + done;
    z_.avail_out = limited(n - done);
    const uInt in = z_.avail_in, out = z_.avail_out;
    const int status = inflate(&z_, Z_NO_FLUSH);
    used_ += in - z_.avail_in;
    done += out - z_.avail_out;
    if (status == Z_STREAM_END)
      ended_ = !next_member();
    else if (status == Z_BUF_ERROR && used_ == bytes_.size())
      ended_ = cut_off_ = true;  // read() says so
    else if (status != Z_OK)
      damaged();
  }
  delivered_ += done;
  return done;
}

void ByteStream::read(void* to, std::size_t n, const char* what) {
  const std::size_t done = read_some(to, n);
  MEDUSA_CHECK_INPUT(done == n, "{}: ends too early: found {} of {} bytes of {}", name_, done, n, what);
}

void ByteStream::skip(std::size_t n, const char* what) {
  MEDUSA_CHECK_INPUT(n <= most(), "{}: ends too early: it cannot hold {} bytes of {}", name_, n, what);
  if (packing_ == Packing::None) {
    used_ += n;
    delivered_ += n;
    return;
  }
  std::vector<unsigned char> waste(std::min(n, kPiece));
  for (std::size_t left = n; left > 0;) {
    const std::size_t piece = std::min(left, waste.size());
    read(waste.data(), piece, what);
    left -= piece;
  }
}

void ByteStream::finish() {
  if (packing_ == Packing::None) return;
  std::vector<unsigned char> waste(kPiece);
  for (int piece = 0; piece < 4 && !ended_; ++piece) {
    // A stream cut off inside its checksum has still delivered all its data; inflate() verifies a complete checksum.
    if (read_some(waste.data(), waste.size()) < waste.size()) break;
  }
}

void pack(Packing packing, int level, const Sink& sink, const std::function<void(const Sink&)>& produce) {
  if (packing == Packing::None) return produce(sink);
  z_stream z{};
  MEDUSA_CHECK(deflateInit2(&z, level, Z_DEFLATED, window_bits(packing), 8, Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib: cannot start");
  struct End {
    z_stream* stream;
    ~End() { deflateEnd(stream); }
  } end{&z};
  std::vector<unsigned char> out(kPiece);
  const auto feed = [&](const void* data, std::size_t n, int flush) {
    const Bytef* from = static_cast<const Bytef*>(data);
    do {
      const uInt piece = limited(n);
      z.next_in = const_cast<Bytef*>(from);
      z.avail_in = piece;
      do {
        z.next_out = out.data();
        z.avail_out = static_cast<uInt>(out.size());
        deflate(&z, flush);
        if (z.avail_out < out.size()) sink(out.data(), out.size() - z.avail_out);
      } while (z.avail_out == 0);
      from += piece;
      n -= piece;
    } while (n > 0);
  };
  produce([&feed](const void* data, std::size_t n) {
    if (n > 0) feed(data, n, Z_NO_FLUSH);
  });
  feed(nullptr, 0, Z_FINISH);
}

}  // namespace medusa::datasets

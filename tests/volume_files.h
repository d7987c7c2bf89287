// Volume files, byte by byte as their formats say, also with contents that no writer would write: for tests of the
// readers and for the seeds of the fuzzers.
#pragma once

#include <zlib.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace medusa::test {

// The bytes of a number, most or least significant first.
template <class T>
std::string bytes_of(T value, bool big_endian = false) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  if (big_endian != (std::endian::native == std::endian::big)) bytes.assign(bytes.rbegin(), bytes.rend());
  return bytes;
}

template <class T>
std::string bytes_of(const std::vector<T>& values, bool big_endian = false) {
  std::string bytes;
  for (T value : values) bytes += bytes_of(value, big_endian);
  return bytes;
}

// As gzip (31), zlib (15) or bare deflate (-15).
inline std::string deflated(const std::string& bytes, int window_bits) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}
inline std::string gzipped(const std::string& bytes) { return deflated(bytes, 31); }

// A NIfTI header, then `extension`, then voxels.
struct NiftiFile {
  int version = 1;
  bool big_endian = false;
  std::vector<std::int64_t> dim{3, 2, 3, 1};  // how many axes, their sizes
  std::int16_t datatype = 4, bitpix = 16;
  std::vector<double> pixdim{1, 2, 3, 4};  // qfac, steps
  double vox_offset = -1;                  // -1: where the voxels are
  double slope = 0, intercept = 0;
  int units = 2, qform = 0, sform = 1;
  std::vector<double> quaternion{0, 0, 0}, offset{0, 0, 0};
  std::vector<double> rows{2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30};  // of sform
  std::string magic, extension, voxels;

  void put(std::string& bytes, std::size_t at, const std::string& field) const {
    bytes.replace(at, field.size(), field);
  }
  template <class T, class V>
  void put(std::string& bytes, std::size_t at, const std::vector<V>& values) const {
    for (std::size_t i = 0; i < values.size(); ++i)
      put(bytes, at + i * sizeof(T), bytes_of(static_cast<T>(values[i]), big_endian));
  }

  std::string header() const {
    const bool one = version == 1;
    std::string b(one ? 352 : 544, '\0');
    put<std::int32_t>(b, 0, std::vector<int>{one ? 348 : 540});
    const double place = vox_offset >= 0 ? vox_offset : static_cast<double>(b.size() + extension.size());
    const std::string word = magic.empty() ? (one ? "n+1" : "n+2") : magic;
    if (one) {
      put<std::int16_t>(b, 40, dim);
      put<std::int16_t>(b, 70, std::vector<int>{datatype, bitpix});
      put<float>(b, 76, pixdim);
      put<float>(b, 108, std::vector<double>{place, slope, intercept});
      b[123] = static_cast<char>(units);
      put<std::int16_t>(b, 252, std::vector<int>{qform, sform});
      put<float>(b, 256, quaternion);
      put<float>(b, 268, offset);
      put<float>(b, 280, rows);
      put(b, 344, word);
    } else {
      put(b, 4, word);
      put<std::int16_t>(b, 12, std::vector<int>{datatype, bitpix});
      put<std::int64_t>(b, 16, dim);
      put<double>(b, 104, pixdim);
      put<std::int64_t>(b, 168, std::vector<double>{place});
      put<double>(b, 176, std::vector<double>{slope, intercept});
      put<std::int32_t>(b, 344, std::vector<int>{qform, sform});
      put<double>(b, 352, quaternion);
      put<double>(b, 376, offset);
      put<double>(b, 400, rows);
      put<std::int32_t>(b, 500, std::vector<int>{units});
    }
    if (!extension.empty()) b[one ? 348 : 540] = 1;
    return b;
  }
  std::string bytes() const { return header() + extension + voxels; }
};

// 2 x 3 x 1 voxels of int16: 1, -2, 300, -400, 5, 6.
inline NiftiFile small_nifti(bool big_endian = false) {
  NiftiFile file;
  file.big_endian = big_endian;
  file.voxels = bytes_of(std::vector<std::int16_t>{1, -2, 300, -400, 5, 6}, big_endian);
  return file;
}

inline std::string small_metaimage(const std::string& more = "", const std::string& file = "LOCAL") {
  return "ObjectType = Image\nNDims = 3\nDimSize = 2 3 1\nElementType = MET_SHORT\nElementSpacing = 2 3 4\nOffset = 10 "
         "20 30\n" +
         more + "ElementDataFile = " + file + "\n";
}

inline std::string small_nrrd(const std::string& more = "encoding: raw\nendian: little\n") {
  return "NRRD0004\n# a comment\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 3 1\n"
         "space directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (10,20,30)\nkey:=value\n" +
         more + "\n";
}

inline std::string npy_file(const std::string& literal, const std::string& numbers) {
  std::string text = literal;
  text.append(63 - (10 + text.size()) % 64, ' ');
  return "\x93NUMPY\x01" + std::string(1, '\0') + bytes_of(static_cast<std::uint16_t>(text.size() + 1)) + text + "\n" +
         numbers;
}

// A zip archive of files that are stored (0) or deflated (8).
inline std::string zip_file(const std::vector<std::pair<std::string, std::string>>& files, int method) {
  std::string out, directory;
  for (const auto& [name, content] : files) {
    const std::string packed = method == 8 ? deflated(content, -15) : content;
    const auto crc = static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
    const auto two = [](std::size_t v) { return bytes_of(static_cast<std::uint16_t>(v)); };
    const auto four = [](std::size_t v) { return bytes_of(static_cast<std::uint32_t>(v)); };
    const std::string common = two(20) + two(0) + two(static_cast<std::size_t>(method)) + two(0) + two(33) + four(crc) +
                               four(packed.size()) + four(content.size()) + two(name.size()) + two(0);
    directory += "PK\x01\x02" + two(20) + common + std::string(10, '\0') + four(out.size()) + name;
    out += "PK\x03\x04" + common + name + packed;
  }
  const auto count = bytes_of(static_cast<std::uint16_t>(files.size()));
  const auto place = bytes_of(static_cast<std::uint32_t>(out.size()));
  return out + directory + "PK\x05\x06" + std::string(4, '\0') + count + count +
         bytes_of(static_cast<std::uint32_t>(directory.size())) + place + std::string(2, '\0');
}

}  // namespace medusa::test

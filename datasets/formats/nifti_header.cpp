#include "datasets/formats/nifti_header.h"

#include <bit>
#include <cstring>
#include <type_traits>

namespace medusa::datasets {
namespace {

template <class T>
using Bits = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                                   std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

// Takes fields out of a header.
struct Unpacker {
  const unsigned char* bytes;
  bool big_endian;

  template <class T, class Field>
  void operator()(std::size_t at, Field& field) const {
    Bits<T> bits = 0;
    for (std::size_t b = 0; b < sizeof(T); ++b) {
      const std::size_t shift = 8 * (big_endian ? sizeof(T) - 1 - b : b);
      bits = static_cast<Bits<T>>(bits | static_cast<Bits<T>>(bytes[at + b]) << shift);
    }
    field = static_cast<Field>(std::bit_cast<T>(bits));
  }
  void text(std::size_t at, std::size_t n, std::string& field) const {
    field.assign(reinterpret_cast<const char*>(bytes + at), n);
    field.resize(std::strlen(field.c_str()));
  }
};

// Puts fields into one.
struct Packer {
  std::string& bytes;

  template <class T, class Field>
  void operator()(std::size_t at, const Field& field) const {
    auto bits = std::bit_cast<Bits<T>>(static_cast<T>(field));
    for (std::size_t b = 0; b < sizeof(T); ++b)
      bytes[at + b] = static_cast<char>(static_cast<std::uint64_t>(bits) >> (8 * b) & 255);
  }
  void text(std::size_t at, std::size_t n, const std::string& field) const {
    bytes.replace(at, field.size(), field.substr(0, n));
  }
};

// One list of places for both ways; Header is NiftiHeader or const NiftiHeader.
template <class Pass, class Header>
void pass_nifti1(const Pass& pass, Header& h) {
  for (std::size_t i = 0; i < 8; ++i) pass.template operator()<std::int16_t>(40 + 2 * i, h.dim[i]);
  pass.template operator()<std::int16_t>(70, h.datatype);
  pass.template operator()<std::int16_t>(72, h.bitpix);
  for (std::size_t i = 0; i < 8; ++i) pass.template operator()<float>(76 + 4 * i, h.pixdim[i]);
  pass.template operator()<float>(108, h.vox_offset);
  pass.template operator()<float>(112, h.scl_slope);
  pass.template operator()<float>(116, h.scl_inter);
  pass.template operator()<std::uint8_t>(123, h.xyzt_units);
  pass.text(148, 80, h.descrip);
  pass.template operator()<std::int16_t>(252, h.qform_code);
  pass.template operator()<std::int16_t>(254, h.sform_code);
  for (std::size_t i = 0; i < 3; ++i) pass.template operator()<float>(256 + 4 * i, h.quatern[i]);
  for (std::size_t i = 0; i < 3; ++i) pass.template operator()<float>(268 + 4 * i, h.qoffset[i]);
  for (std::size_t i = 0; i < 12; ++i) pass.template operator()<float>(280 + 4 * i, h.srow[i / 4][i % 4]);
  pass.text(344, 4, h.magic);
}

template <class Pass, class Header>
void pass_nifti2(const Pass& pass, Header& h) {
  pass.text(4, 4, h.magic);
  pass.template operator()<std::int16_t>(12, h.datatype);
  pass.template operator()<std::int16_t>(14, h.bitpix);
  for (std::size_t i = 0; i < 8; ++i) pass.template operator()<std::int64_t>(16 + 8 * i, h.dim[i]);
  for (std::size_t i = 0; i < 8; ++i) pass.template operator()<double>(104 + 8 * i, h.pixdim[i]);
  pass.template operator()<std::int64_t>(168, h.vox_offset);
  pass.template operator()<double>(176, h.scl_slope);
  pass.template operator()<double>(184, h.scl_inter);
  pass.text(240, 80, h.descrip);
  pass.template operator()<std::int32_t>(344, h.qform_code);
  pass.template operator()<std::int32_t>(348, h.sform_code);
  for (std::size_t i = 0; i < 3; ++i) pass.template operator()<double>(352 + 8 * i, h.quatern[i]);
  for (std::size_t i = 0; i < 3; ++i) pass.template operator()<double>(376 + 8 * i, h.qoffset[i]);
  for (std::size_t i = 0; i < 12; ++i) pass.template operator()<double>(400 + 8 * i, h.srow[i / 4][i % 4]);
  pass.template operator()<std::int32_t>(500, h.xyzt_units);
}

}  // namespace

int nifti_version_size(const unsigned char* bytes, bool* big_endian) {
  for (const bool big : {false, true}) {
    std::uint32_t size = 0;
    Unpacker{bytes, big}.operator()<std::uint32_t>(0, size);
    *big_endian = big;
    if (size == 348 || size == 540) return static_cast<int>(size);
  }
  return 0;
}

NiftiHeader unpack_nifti1(const unsigned char* bytes, bool big_endian) {
  NiftiHeader h;
  h.big_endian = big_endian;
  pass_nifti1(Unpacker{bytes, big_endian}, h);
  return h;
}

NiftiHeader unpack_nifti2(const unsigned char* bytes, bool big_endian) {
  NiftiHeader h;
  h.version = 2;
  h.big_endian = big_endian;
  pass_nifti2(Unpacker{bytes, big_endian}, h);
  return h;
}

std::string pack_nifti1(const NiftiHeader& header) {
  std::string bytes(352, '\0');
  Packer{bytes}.operator()<std::int32_t>(0, 348);
  bytes[38] = 'r';  // "regular": what Analyze wanted there
  pass_nifti1(Packer{bytes}, header);
  return bytes;
}

std::string pack_nifti2(const NiftiHeader& header) {
  std::string bytes(544, '\0');
  Packer{bytes}.operator()<std::int32_t>(0, 540);
  bytes.replace(8, 4, "\r\n\x1a\n");  // which a transfer as text would damage
  pass_nifti2(Packer{bytes}, header);
  return bytes;
}

}  // namespace medusa::datasets

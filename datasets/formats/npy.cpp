// .npy: a short header, which is a Python literal, then the numbers; see numpy.lib.format.
#include "datasets/formats/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "datasets/formats/header_text.h"
#include "datasets/formats/npy_format.h"
#include "datasets/formats/voxels.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kSmall = 64;  // arrays of up to this many numbers are also kept as doubles
constexpr char kMagic[] = "\x93NUMPY";

struct Header {
  std::string descr;  // '<f4'
  bool fortran = false;
  std::vector<std::int64_t> shape;
};

// The text after 'key': in the literal, from its first non-blank character.
std::string value_of(const std::string& text, const std::string& key, const std::string& name) {
  const std::size_t place = text.find("'" + key + "'");
  const std::size_t colon = place == std::string::npos ? place : text.find(':', place);
  MEDUSA_CHECK_INPUT(colon != std::string::npos, "{}: its header has no '{}'", name, key);
  return trimmed(std::string_view(text).substr(colon + 1));
}

Header parse_literal(const std::string& text, const std::string& name) {
  Header header;
  const std::string descr = value_of(text, "descr", name), order = value_of(text, "fortran_order", name);
  MEDUSA_CHECK_INPUT(!descr.empty() && descr[0] == '\'', "{}: holds records of several fields, expected plain numbers",
                     name);
  header.descr = descr.substr(1, descr.find('\'', 1) - 1);
  header.fortran = order.substr(0, 4) == "True";
  MEDUSA_CHECK_INPUT(header.fortran || order.substr(0, 5) == "False", "{}: fortran_order {}, expected True or False",
                     name, order.substr(0, 20));
  std::string shape = value_of(text, "shape", name);
  const std::size_t close = shape.find(')');
  MEDUSA_CHECK_INPUT(shape[0] == '(' && close != std::string::npos, "{}: shape {}, expected (a, b, ...)", name,
                     shape.substr(0, 40));
  shape = shape.substr(1, close - 1);
  std::replace(shape.begin(), shape.end(), ',', ' ');
  header.shape = integers_in(shape, name + ": shape");
  return header;
}

Header read_header(ByteStream& stream) {
  const std::string& name = stream.name();
  unsigned char head[12];
  const std::size_t got = stream.read_some(head, 8);
  MEDUSA_CHECK_INPUT(got == 8 && std::memcmp(head, kMagic, 6) == 0,
                     "{}: is not an .npy file: does not begin with \\x93NUMPY", name);
  const int version = head[6];
  MEDUSA_CHECK_INPUT(version >= 1 && version <= 3, "{}: is .npy of version {}, expected 1 to 3", name, version);
  const std::size_t digits = version == 1 ? 2 : 4;
  stream.read(head + 8, digits, "header");
  std::size_t length = 0;
  for (std::size_t i = digits; i-- > 0;) length = length << 8 | head[8 + i];
  MEDUSA_CHECK_INPUT(length <= (1 << 16) && length <= stream.most(), "{}: claims a header of {} bytes", name, length);
  std::string text(length, ' ');
  stream.read(text.data(), length, "header");
  return parse_literal(text, name);
}

ScalarType type_of(const std::string& descr, const std::string& name) {
  const std::string kind = descr.size() >= 3 ? descr.substr(1) : "";
  static const std::map<std::string, ScalarType> kTypes{
      {"i1", ScalarType::Int8},   {"u1", ScalarType::UInt8},   {"b1", ScalarType::UInt8},  {"i2", ScalarType::Int16},
      {"u2", ScalarType::UInt16}, {"i4", ScalarType::Int32},   {"u4", ScalarType::UInt32}, {"i8", ScalarType::Int64},
      {"u8", ScalarType::UInt64}, {"f4", ScalarType::Float32}, {"f8", ScalarType::Float64}};
  const auto found = kTypes.find(kind);
  MEDUSA_CHECK_INPUT(found != kTypes.end() && std::strchr("<>|=", descr[0]),
                     "{}: type '{}' is not supported; expected integers of 1 to 8 bytes, bool, f4 or f8", name, descr);
  return found->second;
}

// From first axis fastest to last axis fastest.
Tensor from_fortran(const Tensor& flat, const Shape& shape) {
  Tensor result = Tensor::empty(shape);
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()), 0), stride(index.size(), 1);
  for (std::size_t a = 1; a < stride.size(); ++a) stride[a] = stride[a - 1] * shape[static_cast<int>(a) - 1];
  const real* from = flat.data();
  real* to = result.mutable_data();
  std::int64_t place = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    to[i] = from[place];
    for (std::size_t a = index.size(); a-- > 0;) {
      place += stride[a];
      if (++index[a] < shape[static_cast<int>(a)]) break;
      place -= stride[a] * index[a];
      index[a] = 0;
    }
  }
  return result;
}

}  // namespace

NpyArray read_npy_stream(ByteStream& stream) {
  const std::string& name = stream.name();
  const Header header = read_header(stream);
  NpyArray array;
  if (header.shape.empty() && header.descr.size() > 2 && header.descr[1] == 'S') {
    const auto lengths = integers_in(header.descr.substr(2), name + ": type");
    const std::int64_t length = lengths.size() == 1 ? lengths[0] : -1;
    MEDUSA_CHECK_INPUT(length >= 0 && length <= 4096, "{}: type '{}': expected a text of 0 to 4096 bytes", name,
                       header.descr);
    array.text.resize(static_cast<std::size_t>(length));
    stream.read(array.text.data(), array.text.size(), "text");
    array.text.resize(std::strlen(array.text.c_str()));
    return array;
  }
  const bool big = header.descr[0] == '>';
  const ScalarType type = type_of(header.descr, name);
  MEDUSA_CHECK_INPUT(header.shape.size() <= Shape::kMaxRank, "{}: has {} axes, at most {} are supported", name,
                     header.shape.size(), Shape::kMaxRank);
  const std::int64_t count = checked_product(header.shape, name);
  const Shape shape(header.shape);
  array.stored = type;
  if (static_cast<std::size_t>(count) <= kSmall) {
    array.doubles = read_doubles(stream, type, big, static_cast<std::size_t>(count));
    array.values = Tensor::empty(Shape{count});
    std::copy(array.doubles.begin(), array.doubles.end(), array.values.mutable_data());
    for (double v : array.doubles) array.rounded += v == v && static_cast<double>(static_cast<real>(v)) != v;
  } else {
    Volume volume;
    read_voxels(stream, {type, big}, Shape{1, 1, count, 1}, &volume);
    array.values = volume.values.reshape(Shape{count});
    array.rounded = volume.rounded;
  }
  if (header.fortran && header.shape.size() > 1) {
    array.values = from_fortran(array.values, shape);
    if (!array.doubles.empty()) {
      // The doubles are reordered alike: by reordering their indices.
      Tensor places = Tensor::empty(Shape{count});
      for (std::int64_t i = 0; i < count; ++i) places.mutable_data()[i] = static_cast<real>(i);
      const std::vector<real> order = from_fortran(places, shape).to_vector();
      std::vector<double> sorted;
      for (real place : order) sorted.push_back(array.doubles[static_cast<std::size_t>(place)]);
      array.doubles = sorted;
    }
  }
  array.values = array.values.reshape(shape);
  return array;
}

void write_npy_stream(const NpyArray& array, const std::string& name, const Sink& sink) {
  static constexpr const char* kDescr[] = {"|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"};
  const bool text = !array.values;
  std::vector<std::int64_t> sizes;
  if (!text) sizes.assign(array.values.shape().begin(), array.values.shape().end());
  const std::string descr =
      text ? fmt::format("|S{}", std::max<std::size_t>(array.text.size(), 1)) : kDescr[static_cast<int>(array.stored)];
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                   fmt::join(sizes, ", "), sizes.size() == 1 ? "," : "");
  header.append(63 - (10 + header.size()) % 64, ' ');  // numbers begin at a multiple of 64 bytes
  header += '\n';
  const std::string start = std::string(kMagic, 6) + '\x01' + '\0' + static_cast<char>(header.size() & 255) +
                            static_cast<char>(header.size() >> 8);
  sink(start.data(), start.size());
  sink(header.data(), header.size());
  if (text) {
    const std::string bytes = array.text.empty() ? std::string(1, '\0') : array.text;
    return sink(bytes.data(), bytes.size());
  }
  if (array.doubles.size() == static_cast<std::size_t>(array.values.numel()) && array.stored == ScalarType::Float64)
    return sink(array.doubles.data(), array.doubles.size() * sizeof(double));
  Volume volume;
  volume.values = array.values.reshape(Shape{1, 1, array.values.numel(), 1});
  write_voxels(volume, {array.stored}, name, sink);
}

NpyArray decode_npy(std::span<const unsigned char> bytes, const std::string& name) {
  ByteStream stream(bytes, Packing::None, name);
  return read_npy_stream(stream);
}

NpyArray read_npy(const std::string& path) { return decode_npy(read_file(path), path); }

void write_npy(const std::string& path, const NpyArray& array) {
  write_file(path, [&](const auto& write) { write_npy_stream(array, path, write); });
}

Volume volume_of(const NpyArray& array, const std::string& name) {
  const Shape& shape = array.values.shape();
  MEDUSA_CHECK_INPUT(array.values && shape.rank() >= 1 && shape.rank() <= 4,
                     "{}: an array with {} axes is not a volume, expected 1 to 4", name, shape.rank());
  std::vector<std::int64_t> sizes(shape.begin(), shape.end());
  if (sizes.size() < 4) {
    sizes.insert(sizes.begin(), 3 - sizes.size(), 1);
    sizes.push_back(1);
  }
  Volume volume = make_volume(array.values.reshape(Shape(sizes)), Affine{}, array.stored);
  volume.file_shape.assign(shape.begin(), shape.end());
  volume.rounded = array.rounded;
  return volume;
}

Volume volume_of(const NpzArrays& arrays, const std::string& name) {
  auto chosen = arrays.find("values");
  std::vector<std::string> names;
  for (auto it = arrays.begin(); it != arrays.end(); ++it)
    if (it->first != "affine" && it->first != "unit") names.push_back(it->first);
  if (chosen == arrays.end() && names.size() == 1) chosen = arrays.find(names[0]);
  MEDUSA_CHECK_INPUT(chosen != arrays.end(), "{}: expected an array \"values\" or a single one, found {}", name,
                     names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
  Volume volume = volume_of(chosen->second, name + ": " + chosen->first);
  if (const auto affine = arrays.find("affine"); affine != arrays.end()) {
    const std::vector<double>& m = affine->second.doubles;
    MEDUSA_CHECK_INPUT(affine->second.values && affine->second.values.shape() == (Shape{4, 4}),
                       "{}: affine is not 4 x 4", name);
    for (std::size_t r = 0; r < 3; ++r)
      std::copy_n(m.begin() + static_cast<std::ptrdiff_t>(4 * r), 4, volume.affine.m[r].begin());
    MEDUSA_CHECK_INPUT(volume.affine.finite(), "{}: affine has NaN or infinite numbers", name);
    volume.file_orientation = orientation(volume.affine);
  }
  if (const auto unit = arrays.find("unit"); unit != arrays.end()) volume.unit = unit->second.text;
  return volume;
}

NpyArray array_of(const Volume& v) {
  NpyArray array;
  std::vector<std::int64_t> sizes{v.depth(), v.height(), v.width()};
  if (v.channels() > 1) sizes.push_back(v.channels());
  if (v.file_shape.size() == 2 && v.depth() == 1 && v.channels() == 1) sizes.erase(sizes.begin());
  array.values = v.values.reshape(Shape(sizes));
  array.stored = unscaled_type(v);
  return array;
}

NpzArrays arrays_of(const Volume& volume) {
  NpyArray affine, unit;
  affine.values = Tensor::zeros({4, 4});
  affine.stored = ScalarType::Float64;
  for (const auto& row : volume.affine.m) affine.doubles.insert(affine.doubles.end(), row.begin(), row.end());
  affine.doubles.insert(affine.doubles.end(), {0, 0, 0, 1});
  unit.text = volume.unit;
  NpzArrays arrays{{"values", array_of(volume)}, {"affine", affine}};
  if (!volume.unit.empty()) arrays["unit"] = unit;
  return arrays;
}

}  // namespace medusa::datasets

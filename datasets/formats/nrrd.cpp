// NRRD.  Fields: "Definition of NRRD File Format", teem.sourceforge.net/nrrd/format.html.
#include "datasets/formats/nrrd.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "datasets/formats/header_text.h"
#include "datasets/formats/voxels.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 40;

struct Header {
  std::string name;
  std::map<std::string, std::string> fields;  // names in lower case
  std::size_t size = 0;                       // up to and including the empty line

  std::string text(const std::string& key, const std::string& fallback = "") const {
    const auto found = fields.find(key);
    return found == fields.end() ? fallback : found->second;
  }
  const std::string& required(const std::string& key) const {
    const auto found = fields.find(key);
    MEDUSA_CHECK_INPUT(found != fields.end(), "{}: its header has no field \"{}\"", name, key);
    return found->second;
  }
  std::int64_t integer(const std::string& key, std::int64_t fallback) const {
    if (text(key).empty()) return fallback;
    const auto values = integers_in(text(key), name + ": " + key);
    MEDUSA_CHECK_INPUT(values.size() == 1, "{}: {} has {} numbers, expected 1", name, key, values.size());
    return values[0];
  }
};

Header parse(std::span<const unsigned char> bytes, const std::string& name) {
  Header header;
  header.name = name;
  const std::string magic = trimmed(next_line(bytes, &header.size, name));
  MEDUSA_CHECK_INPUT(magic.size() == 8 && magic.substr(0, 7) == "NRRD000",
                     "{}: is not an NRRD file: begins with \"{}\"", name, magic.substr(0, 20));
  while (header.size < bytes.size()) {
    const std::string line = trimmed(next_line(bytes, &header.size, name));
    if (line.empty()) break;  // the voxels follow
    if (line[0] == '#') continue;
    const std::size_t colon = line.find(':');
    MEDUSA_CHECK_INPUT(colon != std::string::npos, "{}: expected \"field: value\", found \"{}\"", name,
                       line.substr(0, 40));
    if (colon + 1 < line.size() && line[colon + 1] == '=') continue;  // key:=value, for people
    std::string key = lower_case(trimmed(line.substr(0, colon)));
    key.erase(std::remove(key.begin(), key.end(), ' '), key.end());  // "data file" and "datafile" are the same
    header.fields[key] = trimmed(line.substr(colon + 1));
    MEDUSA_CHECK_INPUT(header.fields.size() <= 1000, "{}: its header has more than 1000 fields", name);
  }
  return header;
}

ScalarType type_of(const Header& header) {
  std::string text = lower_case(header.required("type"));
  static const std::map<std::string, ScalarType> kNames{
      {"char", ScalarType::Int8},      {"int8", ScalarType::Int8},     {"uchar", ScalarType::UInt8},
      {"uint8", ScalarType::UInt8},    {"short", ScalarType::Int16},   {"int16", ScalarType::Int16},
      {"ushort", ScalarType::UInt16},  {"uint16", ScalarType::UInt16}, {"int", ScalarType::Int32},
      {"int32", ScalarType::Int32},    {"uint", ScalarType::UInt32},   {"uint32", ScalarType::UInt32},
      {"longlong", ScalarType::Int64}, {"int64", ScalarType::Int64},   {"ulonglong", ScalarType::UInt64},
      {"uint64", ScalarType::UInt64},  {"float", ScalarType::Float32}, {"double", ScalarType::Float64},
  };
  // "unsigned short int" is ushort, "uint16_t" is uint16.
  std::string word;
  bool is_unsigned = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string part = text.substr(at, end - at);
    at = end + 1;
    if (part == "unsigned")
      is_unsigned = true;
    else if (part != "signed" && !(part == "int" && !word.empty()))
      word += part;
  }
  if (word.size() > 2 && word.compare(word.size() - 2, 2, "_t") == 0) word.resize(word.size() - 2);
  if (is_unsigned) word = "u" + (word.empty() ? "int" : word);
  const auto found = kNames.find(word);
  MEDUSA_CHECK_INPUT(found != kNames.end(), "{}: type {} is not supported; expected a number of 8 to 64 bits",
                     header.name, text);
  return found->second;
}

// "(1,0,0) none (0,0,2)": one vector for each axis, empty for none.
std::vector<std::vector<double>> vectors_in(const std::string& text, const std::string& what) {
  std::vector<std::vector<double>> list;
  for (std::size_t at = text.find_first_not_of(" \t"); at < text.size(); at = text.find_first_not_of(" \t", at)) {
    if (text.compare(at, 4, "none") == 0) {
      list.emplace_back();
      at += 4;
      continue;
    }
    const std::size_t end = text.find(')', at);
    MEDUSA_CHECK_INPUT(text[at] == '(' && end != std::string::npos, "{}: expected (x,y,z) or none, found \"{}\"", what,
                       text.substr(at, 40));
    std::string inside = text.substr(at + 1, end - at - 1);
    std::replace(inside.begin(), inside.end(), ',', ' ');
    list.push_back(numbers_in(inside, what));
    at = end + 1;
  }
  return list;
}

// Which axes are spatial, and their affine.
struct Axes {
  std::vector<std::size_t> space;
  Affine affine;
  bool channels_first = false;
};

bool in_space(const std::string& kind) { return kind == "domain" || kind == "space" || kind == "???"; }

std::vector<std::string> words_in(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(' '); at < text.size(); at = text.find_first_not_of(' ', at)) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

// The signs that turn the file's x and y into those of RAS+.
Vec3 signs_of(const Header& header) {
  const std::string space = lower_case(header.text("space"));
  if (space == "right-anterior-superior" || space == "ras") return {1, 1, 1};
  if (space == "left-anterior-superior" || space == "las") return {-1, 1, 1};
  MEDUSA_CHECK_INPUT(space.find("time") == std::string::npos && !(space.size() == 4 && space[3] == 't'),
                     "{}: space {}: time as a direction is not supported", header.name, space);
  return {-1, -1, 1};
}

void set_affine(const Header& header, const std::vector<std::vector<double>>& directions, Axes* axes) {
  const Vec3 sign = signs_of(header);
  const std::string units = lower_case(header.text("spaceunits"));
  for (const std::string& unit : words_in(units))
    MEDUSA_CHECK_INPUT(unit == "\"mm\"" || unit == "\"\"" || unit == "\"millimeter\"" || unit == "\"millimeters\"",
                       "{}: space units {}, expected \"mm\"", header.name, unit);
  std::vector<double> spacings(std::max<std::size_t>(directions.size(), 16), 1);
  if (!header.text("spacings").empty()) {
    spacings = numbers_in(header.text("spacings"), header.name + ": spacings");
    MEDUSA_CHECK_INPUT(spacings.size() == directions.size(), "{}: spacings has {} numbers, expected {}", header.name,
                       spacings.size(), directions.size());
  }
  Affine& affine = axes->affine;
  affine.m = {};
  for (std::size_t a = 0; a < 3; ++a) {
    const bool given = a < axes->space.size();
    const std::vector<double> none, &d = given ? directions[axes->space[a]] : none;
    for (std::size_t r = 0; r < 3; ++r) {
      const double straight =
          r == a ? (given && std::isfinite(spacings[axes->space[a]]) ? spacings[axes->space[a]] : 1) : 0;
      affine.m[r][a] = d.empty() ? straight : r < d.size() ? d[r] : 0;
    }
  }
  const auto origin = vectors_in(header.text("spaceorigin"), header.name + ": space origin");
  MEDUSA_CHECK_INPUT(origin.size() <= 1, "{}: space origin has {} vectors, expected 1", header.name, origin.size());
  for (std::size_t r = 0; r < 3; ++r) {
    if (!origin.empty() && r < origin[0].size()) affine.m[r][3] = origin[0][r];
    for (double& v : affine.m[r]) v = v == 0 ? 0 : sign[r] * v;
  }
  MEDUSA_CHECK_INPUT(affine.finite(), "{}: its space has NaN or infinite numbers", header.name);
}

Axes axes_of(const Header& header, std::size_t dimension) {
  Axes axes;
  std::vector<std::vector<double>> directions(dimension);
  const bool directed = !header.text("spacedirections").empty();
  if (directed) {
    directions = vectors_in(header.text("spacedirections"), header.name + ": space directions");
    MEDUSA_CHECK_INPUT(directions.size() == dimension, "{}: space directions has {} vectors, expected {}", header.name,
                       directions.size(), dimension);
  }
  std::vector<std::string> kinds = words_in(lower_case(header.text("kinds")));
  if (kinds.empty()) kinds.assign(dimension, "domain");
  MEDUSA_CHECK_INPUT(kinds.size() == dimension, "{}: kinds has {} words, expected {}", header.name, kinds.size(),
                     dimension);
  for (std::size_t a = 0; a < dimension; ++a)
    if (axes.space.size() < 3 && (directed ? !directions[a].empty() : in_space(kinds[a]))) axes.space.push_back(a);
  MEDUSA_CHECK_INPUT(!axes.space.empty(), "{}: none of its axes is spatial", header.name);
  MEDUSA_CHECK_INPUT(axes.space.back() - axes.space.front() + 1 == axes.space.size() &&
                         (axes.space.front() == 0 || axes.space.back() + 1 == dimension),
                     "{}: its channels lie between the spatial axes, which is not supported", header.name);
  axes.channels_first = axes.space.front() > 0;
  set_affine(header, directions, &axes);
  return axes;
}

// Text voxels become bytes of float64, so that all that follows is the same.
std::vector<unsigned char> bytes_of_text(std::span<const unsigned char> text, std::int64_t count,
                                         const std::string& name) {
  MEDUSA_CHECK_INPUT(static_cast<std::size_t>(count) <= text.size() / 2 + 1,
                     "{}: ends too early: {} numbers do not fit into {} bytes", name, count, text.size());
  const std::vector<double> values =
      numbers_in({reinterpret_cast<const char*>(text.data()), text.size()}, name + ": voxels");
  MEDUSA_CHECK_INPUT(values.size() == static_cast<std::size_t>(count), "{}: has {} numbers, expected {}", name,
                     values.size(), count);
  std::vector<unsigned char> bytes(values.size() * sizeof(double));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::span<const unsigned char> without_lines(std::span<const unsigned char> data, std::int64_t lines,
                                             const std::string& name) {
  std::size_t at = 0;
  for (std::int64_t i = 0; i < lines; ++i) {
    MEDUSA_CHECK_INPUT(at < data.size(), "{}: line skip: {}, but there are {} lines", name, lines, i);
    const auto end = std::find(data.begin() + static_cast<std::ptrdiff_t>(at), data.end(), '\n');
    at = static_cast<std::size_t>(end - data.begin()) + (end != data.end());
  }
  return data.subspan(at);
}

void read_data(const Header& header, std::span<const unsigned char> data, const Shape& shape, bool planar,
               Volume* volume) {
  const std::string& name = header.name;
  const std::string encoding = lower_case(header.required("encoding"));
  VoxelFormat format{type_of(header)};
  format.planar = planar;
  const bool text = encoding == "text" || encoding == "txt" || encoding == "ascii";
  const bool gzip = encoding == "gzip" || encoding == "gz";
  MEDUSA_CHECK_INPUT(text || gzip || encoding == "raw", "{}: encoding {} is not supported; expected raw, gzip or text",
                     name, encoding);
  const std::int64_t lines = header.integer("lineskip", 0), skip = header.integer("byteskip", 0);
  MEDUSA_CHECK_INPUT(lines >= 0 && skip >= (gzip ? 0 : -1), "{}: line skip: {}, byte skip: {}", name, lines, skip);
  data = without_lines(data, lines, name);
  const ScalarType type = format.type;
  std::vector<unsigned char> numbers;
  if (text) {
    numbers = bytes_of_text(data, shape.numel(), name);
    data = numbers;
    format.type = ScalarType::Float64;
  } else if (bytes_of(type) > 1) {
    const std::string endian = lower_case(header.required("endian"));
    MEDUSA_CHECK_INPUT(endian == "little" || endian == "big", "{}: endian {}, expected little or big", name, endian);
    format.big_endian = endian == "big";
  }
  const std::size_t raw_size = static_cast<std::size_t>(shape.numel()) * bytes_of(type);
  if (skip == -1 && !text && data.size() > raw_size) data = data.last(raw_size);
  ByteStream stream(data, gzip ? Packing::Gzip : Packing::None, name);
  if (skip > 0 && !text) stream.skip(static_cast<std::size_t>(skip), "bytes to skip");
  read_voxels(stream, format, shape, volume);
  stream.finish();
  volume->stored = type;
}

using FindData = std::function<std::vector<unsigned char>(const std::string&)>;

Volume decode(std::span<const unsigned char> bytes, std::span<const unsigned char> data, const std::string& name,
              const FindData& find_data) {
  const Header header = parse(bytes, name);
  const std::int64_t dimension = header.integer("dimension", 0);
  MEDUSA_CHECK_INPUT(dimension >= 1 && dimension <= 16, "{}: dimension {}, expected 1 to 16", name, dimension);
  Volume volume;
  volume.file_shape = integers_in(header.required("sizes"), name + ": sizes");
  MEDUSA_CHECK_INPUT(volume.file_shape.size() == static_cast<std::size_t>(dimension),
                     "{}: sizes has {} numbers, expected {}", name, volume.file_shape.size(), dimension);
  const std::int64_t count = checked_product(volume.file_shape, name);
  const Axes axes = axes_of(header, static_cast<std::size_t>(dimension));
  volume.affine = axes.affine;
  volume.file_orientation = orientation(volume.affine);
  volume.unit = header.text("sampleunits");
  volume.unit.erase(std::remove(volume.unit.begin(), volume.unit.end(), '"'), volume.unit.end());
  const auto size = [&](std::size_t a) { return a < axes.space.size() ? volume.file_shape[axes.space[a]] : 1; };
  const Shape shape{size(2), size(1), size(0), count / (size(0) * size(1) * size(2))};

  const std::string file = header.text("datafile");
  std::vector<unsigned char> found;
  if (file.empty()) {
    data = bytes.subspan(header.size);
  } else {
    MEDUSA_CHECK_INPUT(file.substr(0, 4) != "LIST" && file.find('%') == std::string::npos,
                       "{}: data file: {}: voxels in a list of files are not supported", name, file);
    if (find_data) found = find_data(file);
    if (find_data) data = found;
  }
  read_data(header, data, shape, !axes.channels_first, &volume);
  return volume;
}

}  // namespace

Volume decode_nrrd(std::span<const unsigned char> bytes, std::span<const unsigned char> data, const std::string& name) {
  return decode(bytes, data, name, nullptr);
}

Volume read_nrrd(const std::string& path, const DataFolder& folder) {
  const std::vector<unsigned char> bytes = read_file(path, kLimit);
  return decode(bytes, {}, path,
                [&](const std::string& file) { return read_file(folder.beside(path, "data file", file), kLimit); });
}

std::string nrrd_data(const std::string& path, const DataFolder& folder) {
  std::string file;
  try {
    file = parse(first_bytes(path), path).text("datafile");
  } catch (const InputError&) {  // reading the file reports what is wrong
  }
  return file.empty() ? "" : folder.beside(path, "data file", file);
}

}  // namespace medusa::datasets

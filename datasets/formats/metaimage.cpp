// MetaImage.  Keys follow the MetaIO documentation, their meaning follows ITK's MetaImageIO.
#include "datasets/formats/metaimage.h"

#include <algorithm>
#include <map>

#include "datasets/formats/header_text.h"
#include "datasets/formats/voxels.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 40;

// In the order of ScalarType.
constexpr const char* kTypes[] = {"MET_CHAR", "MET_UCHAR",     "MET_SHORT",      "MET_USHORT", "MET_INT",
                                  "MET_UINT", "MET_LONG_LONG", "MET_ULONG_LONG", "MET_FLOAT",  "MET_DOUBLE"};

ScalarType type_of(std::string text, const std::string& name) {
  if (const std::size_t array = text.find("_ARRAY"); array != std::string::npos)
    text.resize(array);                      // several channels
  if (text == "MET_LONG") text = "MET_INT";  // MetaIO's long has 32 bits in files
  if (text == "MET_ULONG") text = "MET_UINT";
  for (int i = 0; i < 10; ++i)
    if (text == kTypes[i]) return static_cast<ScalarType>(i);
  fail_input("{}: ElementType {}, expected one of {}", name, text, fmt::join(kTypes, ", "));
}

// The header's "Key = Value" lines.
struct Header {
  std::string name;
  std::map<std::string, std::string> fields;
  std::size_t size = 0;  // bytes up to the end of the line ElementDataFile, which is the last

  bool has(const std::string& key) const { return fields.count(key) != 0; }
  std::string text(const std::string& key, const std::string& fallback = "") const {
    const auto found = fields.find(key);
    return found == fields.end() ? fallback : found->second;
  }
  // The first of `keys` that is present; MetaIO has had several names for some.
  std::string first(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys)
      if (has(key)) return key;
    return "";
  }
  bool flag(const std::vector<std::string>& keys, bool fallback) const {
    const std::string key = first(keys);
    if (key.empty()) return fallback;
    const std::string value = lower_case(text(key));
    const bool yes = value == "true" || value == "1" || value == "t";
    MEDUSA_CHECK_INPUT(yes || value == "false" || value == "0" || value == "f", "{}: {} = {}, expected True or False",
                       name, key, value);
    return yes;
  }
  std::vector<double> numbers(const std::vector<std::string>& keys, std::vector<double> fallback) const {
    const std::string key = first(keys);
    if (key.empty()) return fallback;
    std::vector<double> values = numbers_in(text(key), name + ": " + key);
    MEDUSA_CHECK_INPUT(values.size() == fallback.size(), "{}: {} has {} numbers, expected {}", name, key, values.size(),
                       fallback.size());
    return values;
  }
  std::vector<std::int64_t> integers(const std::string& key, std::size_t count, std::int64_t fallback) const {
    if (!has(key)) return std::vector<std::int64_t>(count, fallback);
    std::vector<std::int64_t> values = integers_in(text(key), name + ": " + key);
    MEDUSA_CHECK_INPUT(values.size() == count, "{}: {} has {} numbers, expected {}", name, key, values.size(), count);
    return values;
  }
};

Header parse(std::span<const unsigned char> bytes, const std::string& name) {
  Header header;
  header.name = name;
  while (!header.has("ElementDataFile")) {
    MEDUSA_CHECK_INPUT(header.size < bytes.size(), "{}: is not a MetaImage: has no line ElementDataFile = ...", name);
    const std::string line = next_line(bytes, &header.size, name);
    const std::size_t equals = line.find('=');
    if (trimmed(line).empty()) continue;
    MEDUSA_CHECK_INPUT(equals != std::string::npos, "{}: is not a MetaImage: expected Key = Value, found \"{}\"", name,
                       trimmed(line).substr(0, 40));
    header.fields[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
    MEDUSA_CHECK_INPUT(header.fields.size() <= 1000, "{}: its header has more than 1000 lines", name);
  }
  return header;
}

Affine affine_of(const Header& header, std::size_t axes) {
  std::vector<double> unit(axes * axes, 0);
  for (std::size_t a = 0; a < axes; ++a) unit[a * axes + a] = 1;
  const std::vector<double> turn = header.numbers({"TransformMatrix", "Rotation", "Orientation"}, unit);
  const std::vector<double> offset = header.numbers({"Offset", "Position", "Origin"}, std::vector<double>(axes, 0));
  const std::vector<double> step = header.numbers({"ElementSpacing", "ElementSize"}, std::vector<double>(axes, 1));
  Mat3 direction{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Vec3 spacing{1, 1, 1}, origin{};
  const std::size_t space = std::min<std::size_t>(axes, 3);
  for (std::size_t a = 0; a < space; ++a) {
    for (std::size_t r = 0; r < space; ++r) direction[r][a] = turn[a * axes + r];
    spacing[a] = step[a];
    origin[a] = offset[a];
  }
  const Affine affine = flip_xy(Affine::from(spacing, direction, origin));
  MEDUSA_CHECK_INPUT(affine.finite(), "{}: TransformMatrix, Offset or ElementSpacing has NaN or infinite numbers",
                     header.name);
  return affine;
}

// Where the voxels begin among `bytes`, and how they are packed.
std::span<const unsigned char> voxel_bytes(const Header& header, std::span<const unsigned char> bytes, bool packed,
                                           std::size_t raw_size) {
  const std::int64_t skip = header.integers("HeaderSize", 1, 0)[0];
  MEDUSA_CHECK_INPUT(skip >= -1, "{}: HeaderSize = {}, expected -1 or more", header.name, skip);
  if (skip == -1) {  // the voxels are the last bytes of the file
    MEDUSA_CHECK_INPUT(!packed, "{}: HeaderSize = -1 requires uncompressed data", header.name);
    return bytes.size() > raw_size ? bytes.last(raw_size) : bytes;
  }
  MEDUSA_CHECK_INPUT(static_cast<std::size_t>(skip) <= bytes.size(),
                     "{}: HeaderSize = {}, but the voxel file has {} bytes", header.name, skip, bytes.size());
  return bytes.subspan(static_cast<std::size_t>(skip));
}

using FindData = std::function<std::vector<unsigned char>(const std::string&)>;

void check_readable(const Header& header) {
  const std::string& name = header.name;
  const std::string kind = header.text("ObjectType", "Image"), file = header.text("ElementDataFile");
  MEDUSA_CHECK_INPUT(kind == "Image", "{}: ObjectType = {}, expected Image", name, kind);
  MEDUSA_CHECK_INPUT(header.flag({"BinaryData"}, true), "{}: BinaryData = False: text voxels are not supported", name);
  MEDUSA_CHECK_INPUT(!file.empty(), "{}: ElementDataFile names no file", name);
  MEDUSA_CHECK_INPUT(file.substr(0, 4) != "LIST" && file.find('%') == std::string::npos,
                     "{}: ElementDataFile = {}: voxels in a list of files are not supported", name, file);
}

bool is_local(const std::string& file) { return file == "LOCAL" || file == "Local" || file == "local"; }

Volume decode(std::span<const unsigned char> bytes, std::span<const unsigned char> data, const std::string& name,
              const FindData& find_data) {
  const Header header = parse(bytes, name);
  check_readable(header);
  const std::int64_t axes = header.integers("NDims", 1, 0)[0];
  MEDUSA_CHECK_INPUT(axes >= 1 && axes <= 4, "{}: NDims = {}, expected 1 to 4", name, axes);
  Volume volume;
  volume.file_shape = header.integers("DimSize", static_cast<std::size_t>(axes), 0);
  volume.affine = affine_of(header, static_cast<std::size_t>(axes));
  volume.file_orientation = orientation(volume.affine);
  volume.unit = header.text("Unit");
  const std::int64_t channels = header.integers("ElementNumberOfChannels", 1, 1)[0];
  VoxelFormat format{type_of(header.text("ElementType"), name)};
  format.big_endian = header.flag({"BinaryDataByteOrderMSB", "ElementByteOrderMSB"}, false);
  format.planar = axes == 4;
  MEDUSA_CHECK_INPUT(axes < 4 || channels == 1, "{}: 4 axes and {} channels, expected 4 axes or several channels", name,
                     channels);
  std::vector<std::int64_t> sizes = volume.file_shape;
  sizes.push_back(channels);
  const std::int64_t count = checked_product(sizes, name);
  if (channels > 1) volume.file_shape = sizes;

  const std::string file = header.text("ElementDataFile");
  const bool local = is_local(file);
  std::vector<unsigned char> found;
  if (local) {
    data = bytes.subspan(header.size);
  } else if (find_data) {
    found = find_data(file);
    data = found;
  }
  const bool packed = header.flag({"CompressedData"}, false);
  data = voxel_bytes(header, data, packed, static_cast<std::size_t>(count) * bytes_of(format.type));
  const bool gzip = gzip_or_none(data) == Packing::Gzip;
  ByteStream stream(data,
                    !packed ? Packing::None
                    : gzip  ? Packing::Gzip
                            : Packing::Zlib,
                    local ? name : beside(name, file));
  const auto size = [&](std::size_t axis) { return axis < static_cast<std::size_t>(axes) ? sizes[axis] : 1; };
  read_voxels(stream, format, Shape{size(2), size(1), size(0), axes == 4 ? sizes[3] : channels}, &volume);
  stream.finish();
  return volume;
}

// A picture stays a picture if its third axis is only a default.
bool flat(const Volume& v) {
  const auto& m = v.affine.m;
  return v.depth() == 1 && v.file_shape.size() >= 2 && (v.file_shape.size() == 2 || v.channels() > 1) &&
         v.file_shape.size() <= 3 && m[2] == std::array<double, 4>{0, 0, 1, 0} && m[0][2] == 0 && m[1][2] == 0;
}

std::string header_for(const Volume& v, ScalarType type, const std::string& file, std::size_t packed_size) {
  const std::size_t axes = flat(v) ? 2 : 3;
  const Affine lps = flip_xy(v.affine);
  const Mat3 direction = lps.direction();
  const Vec3 spacing = lps.spacing(), origin = lps.origin();
  const std::int64_t sizes[] = {v.width(), v.height(), v.depth()};
  std::vector<double> turn;
  for (std::size_t a = 0; a < axes; ++a)
    for (std::size_t r = 0; r < axes; ++r) turn.push_back(direction[r][a]);
  const auto first = [axes](const auto& list) {
    return fmt::join(list.begin(), list.begin() + static_cast<long>(axes), " ");
  };
  std::string text =
      fmt::format("ObjectType = Image\nNDims = {}\nBinaryData = True\nBinaryDataByteOrderMSB = False\n", axes);
  text += packed_size > 0 ? fmt::format("CompressedData = True\nCompressedDataSize = {}\n", packed_size)
                          : "CompressedData = False\n";
  text += fmt::format("TransformMatrix = {}\nOffset = {}\nElementSpacing = {}\n", fmt::join(turn, " "), first(origin),
                      first(spacing));
  text += fmt::format("DimSize = {}\n", fmt::join(sizes, sizes + axes, " "));
  // Our own key: MetaImage has no field for the unit of the values; ITK keeps unknown keys as metadata.
  if (!v.unit.empty()) text += fmt::format("Unit = {}\n", v.unit);
  if (v.channels() > 1) text += fmt::format("ElementNumberOfChannels = {}\n", v.channels());
  return text + fmt::format("ElementType = {}\nElementDataFile = {}\n", kTypes[static_cast<int>(type)], file);
}

}  // namespace

Volume decode_metaimage(std::span<const unsigned char> bytes, std::span<const unsigned char> data,
                        const std::string& name) {
  return decode(bytes, data, name, nullptr);
}

Volume read_metaimage(const std::string& path, const DataFolder& folder) {
  const std::vector<unsigned char> bytes = read_file(path, kLimit);
  return decode(bytes, {}, path, [&](const std::string& file) {
    return read_file(folder.beside(path, "ElementDataFile", file), kLimit);
  });
}

std::string metaimage_data(const std::string& path, const DataFolder& folder) {
  std::string file;
  try {
    file = parse(first_bytes(path), path).text("ElementDataFile");
  } catch (const InputError&) {  // reading the file reports what is wrong
  }
  return file.empty() || is_local(file) ? "" : folder.beside(path, "ElementDataFile", file);
}

void write_metaimage(const std::string& path, const Volume& volume, bool packed) {
  const VoxelFormat format{unscaled_type(volume)};
  const auto produce = [&](const Sink& sink) { write_voxels(volume, format, path, sink); };
  std::string bytes;  // the header says how many there are
  if (packed)
    pack(
        Packing::Zlib, 6,
        [&bytes](const void* data, std::size_t n) { bytes.append(static_cast<const char*>(data), n); }, produce);
  const auto write_data = [&](const auto& write) {
    if (packed)
      write(bytes.data(), bytes.size());
    else
      produce(write);
  };
  const bool detached = path.size() > 4 && path.compare(path.size() - 4, 4, ".mhd") == 0;
  if (!detached) {
    write_file(path, [&](const auto& write) {
      const std::string header = header_for(volume, format.type, "LOCAL", bytes.size());
      write(header.data(), header.size());
      write_data(write);
    });
    return;
  }
  const std::string data_path = path.substr(0, path.size() - 4) + (packed ? ".zraw" : ".raw");
  write_file(data_path, [&](const auto& write) { write_data(write); });
  const std::string file = data_path.substr(data_path.rfind('/') + 1);  // without a slash: npos + 1 is 0
  write_file(path, header_for(volume, format.type, file, bytes.size()));
}

}  // namespace medusa::datasets

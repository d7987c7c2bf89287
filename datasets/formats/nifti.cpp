// NIfTI reading.  Field places: nifti1.h (Cox et al., 2004) and nifti2.h (2011) of the NIfTI working group.
#include "datasets/formats/nifti.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "datasets/formats/nifti_header.h"
#include "datasets/formats/voxels.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 40;

std::string quoted(const std::string& magic) {
  std::string text;
  for (char c : magic)
    text += c >= 0x20 && c < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return '"' + text + '"';
}

ScalarType type_of(int code, const std::string& name) {
  switch (code) {
    case 2: return ScalarType::UInt8;
    case 4: return ScalarType::Int16;
    case 8: return ScalarType::Int32;
    case 16: return ScalarType::Float32;
    case 64: return ScalarType::Float64;
    case 256: return ScalarType::Int8;
    case 512: return ScalarType::UInt16;
    case 768: return ScalarType::UInt32;
    case 1024: return ScalarType::Int64;
    case 1280: return ScalarType::UInt64;
    case 32:
    case 1792:
    case 2048:
      fail_input("{}: holds complex numbers (datatype {}), which are not supported; expected real numbers", name, code);
    case 128:
    case 2304:
      fail_input("{}: holds RGB colours (datatype {}), which are not supported; expected one number per voxel", name,
                 code);
    case 1536: fail_input("{}: holds numbers of 128 bits (datatype {}), which are not supported", name, code);
    default: break;
  }
  fail_input("{}: datatype {} is unknown; expected 2, 4, 8, 16, 64, 256, 512, 768, 1024 or 1280", name, code);
}

// The header's first bytes decide the format and the byte order.  `file_bytes`: how long the file is.
NiftiHeader parse(ByteStream& stream, std::size_t file_bytes) {
  std::array<unsigned char, 540> bytes;
  const std::string& name = stream.name();
  const std::size_t got = stream.read_some(bytes.data(), 4);
  MEDUSA_CHECK_INPUT(got == 4 || !stream.cut_off(),
                     "{}: is cut off: its {} bytes unpack to {}, expected a header of 348 or 540", name, file_bytes,
                     got);
  MEDUSA_CHECK_INPUT(got == 4, "{}: is not a NIfTI file: {} bytes long{}", name, got,
                     got == file_bytes ? "" : fmt::format(", unpacked from {}", file_bytes));
  bool big = false;
  const int size = nifti_version_size(bytes.data(), &big);
  MEDUSA_CHECK_INPUT(size != 0,
                     "{}: is not a NIfTI file: begins with {:02x} {:02x} {:02x} {:02x}, expected the number 348 or 540",
                     name, bytes[0], bytes[1], bytes[2], bytes[3]);
  stream.read(bytes.data() + 4, static_cast<std::size_t>(size) - 4, "header");
  return size == 348 ? unpack_nifti1(bytes.data(), big) : unpack_nifti2(bytes.data(), big);
}

void check_magic(const NiftiHeader& h, const std::string& name) {
  const std::string kind = h.version == 1 ? "1" : "2";
  if (h.magic == "n+" + kind || h.magic == "ni" + kind) return;
  MEDUSA_CHECK_INPUT(
      h.version != 1 || h.magic.find("n") == 0,
      "{}: is Analyze 7.5 (magic {}, expected \"n+1\" or \"ni1\"), which does not say where left and right are", name,
      quoted(h.magic));
  fail_input("{}: magic {}, expected \"n+{}\" or \"ni{}\"", name, quoted(h.magic), kind, kind);
}

std::vector<std::int64_t> sizes_of(const NiftiHeader& h, const std::string& name) {
  MEDUSA_CHECK_INPUT(h.dim[0] >= 1 && h.dim[0] <= 7, "{}: claims {} axes, expected 1 to 7", name, h.dim[0]);
  std::vector<std::int64_t> sizes(h.dim.begin() + 1, h.dim.begin() + 1 + h.dim[0]);
  checked_product(sizes, name);
  return sizes;
}

// A quaternion (b, c, d given, a = sqrt(1 - b^2 - c^2 - d^2)) as a rotation.
Mat3 rotation(const NiftiHeader& h, const std::string& name) {
  const double b = h.quatern[0], c = h.quatern[1], d = h.quatern[2];
  const double a2 = 1 - (b * b + c * c + d * d), rounding = h.version == 1 ? 3.6e-7 : 6.7e-16;
  MEDUSA_CHECK_INPUT(a2 > -rounding, "{}: qform's quaternion ({}, {}, {}) is longer than 1", name, b, c, d);
  const double a = a2 < rounding ? 0 : std::sqrt(a2), s = 2 / (a * a + b * b + c * c + d * d);
  return {{{1 - s * (c * c + d * d), s * (b * c - a * d), s * (b * d + a * c)},
           {s * (b * c + a * d), 1 - s * (b * b + d * d), s * (c * d - a * b)},
           {s * (b * d - a * c), s * (c * d + a * b), 1 - s * (b * b + c * c)}}};
}

bool known_code(int code) { return code >= 1 && code <= 5; }

Affine affine_of(const NiftiHeader& h, const std::vector<std::int64_t>& sizes, const std::string& name) {
  Affine affine;
  Vec3 zoom;  // repaired as in nibabel: 0 becomes 1, a sign is dropped
  for (std::size_t a = 0; a < 3; ++a) zoom[a] = h.pixdim[a + 1] == 0 ? 1 : std::abs(h.pixdim[a + 1]);
  if (known_code(h.sform_code)) {
    affine.m = h.srow;
  } else if (known_code(h.qform_code)) {
    if (h.pixdim[0] == -1) zoom[2] = -zoom[2];  // qfac
    affine = Affine::from(zoom, rotation(h, name), h.qoffset);
  } else {
    affine.m = {};
    for (std::size_t a = 0; a < 3; ++a) {
      // Missing axes have steps of 1 mm.
      const double step = (a == 0 ? -1 : 1) * (a < sizes.size() || sizes.size() >= 3 ? zoom[a] : 1);
      affine.m[a][a] = step;
      affine.m[a][3] = -step * 0.5 * static_cast<double>((a < sizes.size() ? sizes[a] : 1) - 1);
      if (affine.m[a][3] == 0) affine.m[a][3] = 0;  // no -0
    }
  }
  const int unit = h.xyzt_units & 7;
  const double mm = unit == 1 ? 1000 : unit == 3 ? 0.001 : 1;
  for (auto& row : affine.m)
    for (double& v : row) v *= mm;
  MEDUSA_CHECK_INPUT(affine.finite(), "{}: its affine has NaN or infinite numbers", name);
  return affine;
}

// The place of the voxels in the file that holds them; `header` bytes of it are read already.
std::size_t offset_of(const NiftiHeader& h, bool pair, const std::string& name) {
  MEDUSA_CHECK_INPUT(h.vox_offset >= 0 && h.vox_offset < 9e15, "{}: invalid vox_offset {}", name, h.vox_offset);
  const std::size_t offset = static_cast<std::size_t>(h.vox_offset);
  const std::size_t least = h.version == 1 ? 352 : 544;
  if (pair) return offset;
  if (offset == 0) return least;
  MEDUSA_CHECK_INPUT(offset >= least, "{}: vox_offset {} lies in the header, expected {} or more", name, offset, least);
  return offset;
}

void read_data(ByteStream& stream, const NiftiHeader& h, std::size_t skip, Volume* volume) {
  const std::string& name = stream.name();
  const std::vector<std::int64_t>& sizes = volume->file_shape;
  const auto size = [&sizes](std::size_t axis) { return axis < sizes.size() ? sizes[axis] : 1; };
  std::int64_t channels = 1;
  for (std::size_t axis = 3; axis < sizes.size(); ++axis) channels *= sizes[axis];
  VoxelFormat format{type_of(h.datatype, name), h.big_endian, true};
  if (h.scl_slope != 0 && std::isfinite(h.scl_slope)) {
    MEDUSA_CHECK_INPUT(std::isfinite(h.scl_inter), "{}: scl_inter is {}", name, h.scl_inter);
    format.slope = h.scl_slope;
    format.intercept = h.scl_inter;
  }
  stream.skip(skip, "header and extensions");
  read_voxels(stream, format, Shape{size(2), size(1), size(0), channels}, volume);
  stream.finish();
}

// If `path` is the other half of a pair, its half `to` (.hdr or .img), packed or not; else "".
std::string other_file(const std::string& path, const std::string& to) {
  const std::optional<NiftiPairName> name = nifti_pair_name(path);
  if (!name || name->half == to) return "";
  const std::string likely = name->stem + to + name->packing;
  for (const std::string& candidate : {likely, name->stem + to + (name->packing.empty() ? ".gz" : "")})
    if (std::filesystem::exists(candidate)) return candidate;
  fail_input("{}: is one half of a pair; {} is missing", path, likely);
}

Volume decode(std::span<const unsigned char> header, std::span<const unsigned char> image, const std::string& name,
              const std::string& image_name,
              const std::function<std::vector<unsigned char>(std::string*)>& find_image) {
  ByteStream stream(header, gzip_or_none(header), name);
  const NiftiHeader h = parse(stream, header.size());
  check_magic(h, name);
  const bool pair = h.magic[1] == 'i';
  Volume volume;
  volume.file_shape = sizes_of(h, name);
  volume.affine = affine_of(h, volume.file_shape, name);
  volume.file_orientation = orientation(volume.affine);
  if (h.descrip.compare(0, 6, "unit: ") == 0) volume.unit = h.descrip.substr(6);
  type_of(h.datatype, name);  // refuse before the other file is looked for
  const std::size_t offset = offset_of(h, pair, name);
  if (!pair) {
    read_data(stream, h, offset - stream.delivered(), &volume);
    return volume;
  }
  std::vector<unsigned char> found;
  std::string found_name = image_name;
  if (find_image) {
    found = find_image(&found_name);
    image = found;
  }
  ByteStream voxels(image, gzip_or_none(image), found_name);
  read_data(voxels, h, offset, &volume);
  return volume;
}

}  // namespace

std::optional<NiftiPairName> nifti_pair_name(const std::string& path) {
  const std::string packing = path.ends_with(".gz") ? ".gz" : "", bare = path.substr(0, path.size() - packing.size());
  for (const char* half : {".hdr", ".img"})
    if (bare.ends_with(half)) return NiftiPairName{bare.substr(0, bare.size() - 4), half, packing};
  return {};
}

bool looks_like_nifti(std::span<const unsigned char> bytes) {
  std::array<unsigned char, 4> head{};
  try {
    ByteStream stream(bytes, gzip_or_none(bytes), "head");
    if (stream.read_some(head.data(), 4) < 4) return false;
  } catch (const InputError&) {  // not gzip after all
    return false;
  }
  bool big = false;
  return nifti_version_size(head.data(), &big) != 0;
}

Volume decode_nifti(std::span<const unsigned char> header, std::span<const unsigned char> image,
                    const std::string& name) {
  return decode(header, image, name, name + " (.img)", nullptr);
}

Volume read_nifti(const std::string& path) {
  const std::string header_path = other_file(path, ".hdr");
  const std::string& start = header_path.empty() ? path : header_path;
  const std::vector<unsigned char> header = read_file(start, kLimit);
  return decode(header, {}, start, "", [&](std::string* image_name) {
    *image_name = other_file(start, ".img");
    MEDUSA_CHECK_INPUT(!image_name->empty(), "{}: is the header of a pair, whose name should end in .hdr", start);
    return read_file(*image_name, kLimit);
  });
}

}  // namespace medusa::datasets

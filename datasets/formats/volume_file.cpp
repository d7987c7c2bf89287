#include "datasets/formats/volume_file.h"

#include <cstring>
#include <filesystem>
#include <system_error>

#include "datasets/formats/header_text.h"
#include "datasets/formats/metaimage.h"
#include "datasets/formats/nifti.h"
#include "datasets/formats/npy.h"
#include "datasets/formats/nrrd.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool starts_with(std::span<const unsigned char> head, std::string_view magic) {
  return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
}

constexpr const char* kWritten[] = {".nii",    ".nii.gz", ".hdr", ".img", ".hdr.gz",
                                    ".img.gz", ".mha",    ".mhd", ".npy", ".npz"};

}  // namespace

std::string volume_format(std::span<const unsigned char> head, const std::string& path) {
  const std::string name = lower_case(path);
  if (starts_with(head, "\x93NUMPY")) return "npy";
  if (starts_with(head, "NRRD000")) return "NRRD";
  if (starts_with(head, "PK\x03\x04")) return "npz";
  if (looks_like_nifti(head)) return "NIfTI";
  // A damaged file goes by its name: the format's reader knows best what is wrong.
  for (const char* end : {".nii", ".nii.gz", ".img", ".img.gz", ".hdr", ".hdr.gz"})
    if (ends_with(name, end)) return "NIfTI";
  if (ends_with(name, ".mha") || ends_with(name, ".mhd") || starts_with(head, "ObjectType = Image")) return "MetaImage";
  if (ends_with(name, ".nrrd") || ends_with(name, ".nhdr")) return "NRRD";
  if (ends_with(name, ".npy")) return "npy";
  if (ends_with(name, ".npz")) return "npz";
  return "";
}

std::string volume_format(const std::string& path) {
  return volume_format(read_beginning(path, 512), path);  // enough to unpack the first bytes of a .nii.gz
}

Volume read_volume(const std::string& path, const DataFolder& folder) {
  const std::string format = volume_format(path);
  if (format == "NIfTI") return read_nifti(path);
  if (format == "MetaImage") return read_metaimage(path, folder);
  if (format == "NRRD") return read_nrrd(path, folder);
  if (format == "npy") return volume_of(read_npy(path), path);
  if (format == "npz") return volume_of(read_npz(path), path);
  fail_input("{}: unknown format, expected NIfTI, MetaImage, NRRD, npy or npz", path);
}

std::vector<std::string> files_of_volume(const std::string& path, const DataFolder& folder) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {path};
  const std::string format = volume_format(path);
  if (format == "NIfTI") {
    const std::optional<NiftiPairName> name = nifti_pair_name(path);
    if (!name) return {path};
    return {name->stem + ".hdr", name->stem + ".hdr.gz", name->stem + ".img", name->stem + ".img.gz"};
  }
  const std::string data = format == "MetaImage" ? metaimage_data(path, folder)
                           : format == "NRRD"    ? nrrd_data(path, folder)
                                                 : "";
  return data.empty() ? std::vector<std::string>{path} : std::vector<std::string>{path, data};
}

void check_volume_name(const std::string& path) {
  for (const char* end : kWritten)
    if (ends_with(path, end)) return;
  fail_input("{}: expected a name that ends in one of {}", path, fmt::join(kWritten, ", "));
}

void write_volume(const std::string& path, const Volume& volume) {
  check_volume_name(path);
  const Volume own = to_file_orientation(volume);
  if (ends_with(path, ".npy")) return write_npy(path, array_of(own));
  if (ends_with(path, ".npz")) return write_npz(path, arrays_of(own));
  if (ends_with(path, ".mha") || ends_with(path, ".mhd")) return write_metaimage(path, own);
  write_nifti(path, own);
}

}  // namespace medusa::datasets

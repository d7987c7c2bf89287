#include "datasets/cases/file.h"

#include <filesystem>
#include <vector>

#include "datasets/formats/volume_file.h"
#include "datasets/images/image.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

bool is_picture(const std::string& path) {
  const std::vector<unsigned char> head = read_beginning(path, 4);
  const std::string_view bytes(reinterpret_cast<const char*>(head.data()), head.size());
  return bytes.substr(0, 3) == "\xff\xd8\xff" || bytes.substr(0, 4) == "\x89PNG";
}

Volume volume_of_picture(const std::string& path) {
  const Image image = read_image(path);
  const bool wide = !image.pixels16.empty();
  Volume volume;
  volume.stored = wide ? ScalarType::UInt16 : ScalarType::UInt8;
  volume.values = Tensor::empty({1, image.height, image.width, image.channels});
  real* to = volume.values.mutable_data();
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    to[i] = static_cast<real>(wide ? image.pixels16[i] : image.pixels[i]);
  return volume;
}

}  // namespace

std::string file_of(const std::string& name) {
  const std::size_t mark = name.rfind(".npz#");
  return mark == std::string::npos ? name : name.substr(0, mark + 4);
}

Volume CaseFiles::read(const std::string& name, bool pictures) {
  const std::string path = file_of(name);
  Volume volume;
  if (path != name) {
    auto found = archives_.find(path);
    if (found == archives_.end()) found = archives_.emplace(path, read_npz(path)).first;
    const NpzArrays& arrays = found->second;
    const std::string key = name.substr(path.size() + 1);
    std::vector<std::string> keys;
    for (const auto& [other, array] : arrays) keys.push_back(other);
    MEDUSA_CHECK_INPUT(arrays.contains(key), "{}: has no array {}; it has: {}", path, key, fmt::join(keys, ", "));
    NpzArrays one{{"values", arrays.at(key)}};
    if (arrays.contains("affine")) one["affine"] = arrays.at("affine");
    volume = volume_of(one, name);
  } else if (is_picture(path)) {
    MEDUSA_CHECK_INPUT(pictures, "{}: is a picture, expected a volume, since the size has three sides", path);
    return volume_of_picture(path);
  } else {
    volume = read_volume(path, folder_);
  }
  MEDUSA_CHECK_INPUT(!pictures || volume.depth() == 1,
                     "{}: has {} slices, expected one, since the size has two sides (three, such as 64x64x64, are for "
                     "volumes)",
                     name, volume.depth());
  return pictures ? volume : to_ras(volume, name);
}

}  // namespace medusa::datasets

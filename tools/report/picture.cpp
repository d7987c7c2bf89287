#include "tools/report/picture.h"

#include <algorithm>

namespace medusa::tools {

using datasets::Image;

void check_takes_pictures(const mtl::Model& model, const std::string& run) {
  const mtl::ModelConfig& config = model.config();
  MEDUSA_CHECK_INPUT(config.spatial_dims == 2 && config.in_channels == 3,
                     "{}: its network takes inputs of {} axes and {} channels, pictures have 2 and 3", run,
                     config.spatial_dims, config.in_channels);
}

Image region_of(const Image& mask, std::uint8_t label) {
  Image region = mask;
  for (std::uint8_t& pixel : region.pixels) pixel = pixel == label ? 255 : 0;
  return region;
}

std::vector<std::uint8_t> region_labels(const mtl::Task& task) {
  if (task.channels == 1) return {255};
  std::vector<std::uint8_t> labels;
  for (std::int64_t label = 1; label < task.channels; ++label) labels.push_back(static_cast<std::uint8_t>(label));
  return labels;
}

std::string class_name(const mtl::Task& task, std::size_t i) {
  return i < task.classes.size() ? task.classes[i] : fmt::format("class_{}", i);
}

void make_folder(const std::string& option, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  MEDUSA_CHECK(!error && std::filesystem::is_directory(folder), "{} {}: the folder cannot be made: {}", option, folder,
               error ? error.message() : "a file is in its place");
}

}  // namespace medusa::tools

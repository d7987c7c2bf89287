#include "tools/report/picture.h"

#include <algorithm>

#include "autograd/ops.h"
#include "mtl/inference/padding.h"

namespace medusa::tools {

using datasets::Image;

void check_takes_pictures(const mtl::Model& model, const std::string& run) {
  const mtl::ModelConfig& config = model.config();
  MEDUSA_CHECK_INPUT(config.spatial_dims == 2 && config.in_channels == 3,
                     "{}: its network takes inputs of {} axes and {} channels, pictures have 2 and 3", run,
                     config.spatial_dims, config.in_channels);
}

Tensor network_input(const Image& picture, const Size& size, const datasets::Normalisation& normalisation) {
  return datasets::to_input(datasets::resize(picture, size.width, size.height), normalisation)
      .reshape(Shape{1, size.height, size.width, 3});
}

std::vector<Var> outputs_on_host(mtl::Model& model, const Tensor& input) {
  const Device device = model.parameters().front().var.device();
  std::vector<Var> outputs = mtl::outputs_any_size(model, Var(input.to(device)));
  for (Var& output : outputs) output = Var(output.value().to(Device::CPU));
  return outputs;
}

Tensor at_size_of(const Image& picture, const Var& output) {
  return resize(output, {picture.height, picture.width})
      .value()
      .reshape(Shape{picture.height, picture.width, output.size(-1)});
}

Image mask_of(const Tensor& logits) {
  const std::int64_t channels = logits.size(2);
  Image mask(logits.size(1), logits.size(0), 1);
  const real* y = logits.data();
  for (std::uint8_t& pixel : mask.pixels) {
    pixel = channels == 1 ? (*y > 0 ? 255 : 0) : static_cast<std::uint8_t>(std::max_element(y, y + channels) - y);
    y += channels;
  }
  return mask;
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

std::vector<real> probabilities(const mtl::Task& task, const Var& output) {
  return (task.has_class_numbers() ? softmax(output) : sigmoid(output)).value().to_vector();
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

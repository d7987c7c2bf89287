// A model in a file that says itself what network it is, as the checkpoints of a run do; and encoders that were trained
// elsewhere.
#pragma once

#include <memory>
#include <string>

#include "mtl/networks/model.h"
#include "nn/checkpoint.h"

namespace medusa::mtl {

// The configuration as JSON, and back.  Checkpoints of runs hold it in their metadata under the name "model".
std::string to_json(const ModelConfig& config);
// Throws InputError that begins with `where` (a file's name) where the text is not such a JSON.
ModelConfig model_config_from_json(const std::string& text, const std::string& where);

// Options as a JSON object, {"name": value, ...}; throws InputError that begins with `where` where it is none.
OptionValues option_values_from_json(const std::string& text, const std::string& where);

// The configuration that a checkpoint was written with.  Throws InputError where the file is missing, malformed, of a
// newer version or holds none.
ModelConfig read_model_config(const std::string& path);
// The model of a checkpoint with its parameters and buffers, in evaluation mode.
std::unique_ptr<Model> load_model(const std::string& path);

// Fills every encoder of `model`, its running statistics too, from a file with the names that the encoder's parts have
// in themselves, "layer1.0.conv1.weight": torchvision's for a ResNet.  fc.* (the layer that names ImageNet's classes)
// and counters of batches are passed over.  Throws InputError with the report, and changes nothing, where anything of
// the encoder is missing or of another shape, or the file has something else.
nn::LoadReport load_pretrained(const std::string& path, Model& model);

}  // namespace medusa::mtl

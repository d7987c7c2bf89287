// Model files that describe their own network, as the checkpoints of a run do; and encoders that were trained
// elsewhere.
#pragma once

#include <memory>
#include <string>

#include "mtl/networks/model.h"
#include "nn/checkpoint.h"

namespace medusa::mtl {

// The configuration as JSON, and back.  Checkpoints of runs have it in their metadata as "model".
std::string to_json(const ModelConfig& config);
// Throws InputError that begins with `where` (a file's name) if the text is not such JSON.
ModelConfig model_config_from_json(const std::string& text, const std::string& where);

// Options as a JSON object, {"name": value, ...}; throws InputError that begins with `where` if the text is
// not one.
OptionValues option_values_from_json(const std::string& text, const std::string& where);

// The configuration that a checkpoint was written with.  Throws InputError if the file is missing, malformed, of a
// newer version or has none.
ModelConfig read_model_config(const std::string& path);
// The model of a checkpoint with its parameters and buffers, in evaluation mode.
std::unique_ptr<Model> load_model(const std::string& path);

// Initial weights, from one of two kinds of file.
//
// A checkpoint of a run: everything that has the same name and shape, with running statistics; the run's tasks may be
// others.  The head of a task is left as it was made if `heads` is false, or if the run's task of that name is another
// one (kind, classes, unit or scale).  Throws InputError with the report, and changes nothing, unless all of the
// encoders fits.
//
// Any other file: fills every encoder of `model`, with running statistics, from a file whose names start at the
// encoder: "layer1.0.conv1.weight", torchvision's names for a ResNet.  fc.* (the layer that names ImageNet's classes)
// and counters of batches are ignored.  Throws InputError with the report, and changes nothing, if a tensor of the
// encoder is missing or has another shape, or the file has others.
nn::LoadReport load_pretrained(const std::string& path, Model& model, bool heads = true);

}  // namespace medusa::mtl

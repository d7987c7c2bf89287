// Between pictures and networks: a picture as input, an output as a picture.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/images/image.h"
#include "datasets/transforms/transforms.h"
#include "mtl/networks/model.h"
#include "tools/cli/program.h"

namespace medusa::tools {

// Throws InputError, naming the run, unless the network takes RGB pictures.
void check_takes_pictures(const mtl::Model& model, const std::string& run);

// An RGB picture of any size as the network saw pictures in training: resized, normalised; [1, H, W, 3].
Tensor network_input(const datasets::Image& picture, const Size& size, const datasets::Normalisation& normalisation);

// The tasks' outputs for an input of any size, computed where the model is, brought to the host.
std::vector<Var> outputs_on_host(mtl::Model& model, const Tensor& input);

// A pixel-level task's output [1, h, w, C] at the picture's own size, [height, width, C].
Tensor at_size_of(const datasets::Image& picture, const Var& output);

// Logits [h, w, C] -> per pixel 255 where the one logit is positive, or the number of the largest.
datasets::Image mask_of(const Tensor& logits);
// 255 where `mask` has the value `label`.
datasets::Image region_of(const datasets::Image& mask, std::uint8_t label);
// The labels that mask_of() gives a task's regions: 255 alone, or 1 to C - 1 (class 0 of several is the background).
std::vector<std::uint8_t> region_labels(const mtl::Task& task);

// What the output [1, C] of a classification says: the softmax, or of a binary task sigmoids.
std::vector<real> probabilities(const mtl::Task& task, const Var& output);
std::string class_name(const mtl::Task& task, std::size_t i);

// Makes the folder of --OPTION; throws Error where that fails.
void make_folder(const std::string& option, const std::string& folder);

}  // namespace medusa::tools

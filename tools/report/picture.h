// Answers of networks as pictures.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/images/image.h"
#include "mtl/networks/model.h"
#include "tools/cli/program.h"

namespace medusa::tools {

// Throws InputError, naming the run, unless the network takes RGB pictures.
void check_takes_pictures(const mtl::Model& model, const std::string& run);

// 255 where `mask` has the value `label`.
datasets::Image region_of(const datasets::Image& mask, std::uint8_t label);
// The labels of a task's regions in a mask: 255 alone, or 1 to C - 1 (class 0 of several is the background).
std::vector<std::uint8_t> region_labels(const mtl::Task& task);

std::string class_name(const mtl::Task& task, std::size_t i);

// Makes the folder of --OPTION; throws Error if that fails.
void make_folder(const std::string& option, const std::string& folder);

}  // namespace medusa::tools

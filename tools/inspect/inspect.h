// What inspect finds out, as JSON, and how it prints that.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/cli/device.h"

namespace medusa::tools {

using Json = nlohmann::ordered_json;

// What is in a file; throws InputError if its format is unknown or it is damaged.
Json describe_file(const std::filesystem::path& path, bool follow_outside);
// Format, shape, dtype, geometry and values of a volume; of an .npz with several arrays a list.
Json describe_volume(const std::filesystem::path& path, bool follow_outside);
// Settings, network and results of a training run's folder.
Json describe_run(const std::filesystem::path& folder);

// A whole dataset, as open_dataset() takes it.
struct DatasetCheck {
  std::string dataset, data, size;  // name, folder, and the size at which labels are counted; "": the dataset's own
  bool follow_outside = false;
};
// Counts by part and class, sizes, spacings, intensities, and "problems": every one that is found, by file.  A broken
// sample does not stop the rest from being checked.  Throws InputError if there is no such dataset.
Json inspect_dataset(const DatasetCheck& check, std::size_t* problem_count);

// For people: a line per entry; an array of objects becomes a table with a column for every key that occurs.
void print_text(const Json& json, const std::string& indent = "");

// Looking at the attention of a run's network on one picture.
struct AttentionOptions {
  std::string run, input, out;  // run folder, picture, folder for the results
  std::string query;            // "Y,X" in pixels of the picture; empty: the middle of the predicted lesion
  std::string truth, data;      // a mask; a dataset's folder, to find mask and class by the picture's name; or empty
  bool follow_outside = false;
  DeviceChoice device;
};
// Writes OUT/NAME_attention.png, a sheet, and its pictures one by one; returns the figures.  Throws InputError if
// the picture, the run or an option is invalid, or the network has no attention.
Json inspect_attention(const AttentionOptions& options);

}  // namespace medusa::tools

// How long it takes to load files: unpacking, decoding, turning into numbers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace medusa::tools {

struct BenchLoadOptions {
  std::vector<std::string> files;  // empty: a volume, a PNG, a JPEG and two tables made for it
  std::string size = "128x128";    // pictures are resized to it
  int repeats = 9;
  bool json = false, follow_outside = false;
};

// For each file: median CPU time and wall time, from the second load on (the file is in memory by then).  A volume
// becomes a tensor, a picture an RGB tensor of `size`, a table of OpenKBP's a sparse volume, any other table rows of
// text.
std::vector<nlohmann::ordered_json> load_lines(const BenchLoadOptions& options);
std::string load_text(const nlohmann::ordered_json& line);
void bench_load(const BenchLoadOptions& options);  // prints them

}  // namespace medusa::tools

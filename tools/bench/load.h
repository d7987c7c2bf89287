// How long it takes to load files: unpacking, decoding, turning into numbers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace medusa::tools {

struct BenchLoadOptions {
  std::vector<std::string> files;  // empty: a volume, a PNG, a JPEG and two tables made for it
  std::string size = "128x128";    // pictures are brought to it
  int repeats = 9;
  bool json = false;
};

// For each file: median time of the processor and by the clock, from the second time on (the file lies in
// memory then).  A volume becomes a tensor, a picture an RGB tensor of `size`, a table of OpenKBP's a sparse volume,
// another table rows of text.
std::vector<nlohmann::ordered_json> load_lines(const BenchLoadOptions& options);
std::string load_text(const nlohmann::ordered_json& line);
void bench_load(const BenchLoadOptions& options);  // prints them

}  // namespace medusa::tools

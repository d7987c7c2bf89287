// How long it takes to load files: unpacking, decoding, turning into numbers.
#pragma once

#include <string>
#include <vector>

namespace medusa::tools {

struct BenchLoadOptions {
  std::vector<std::string> files;  // empty: a volume, a PNG, a JPEG and a table made for it
  std::string size = "128x128";    // pictures are brought to it
  int repeats = 9;
  bool json = false;
};

// Prints a line for each file: median time of the processor and by the clock, from the second time on (the file lies in
// memory then).  A volume becomes a tensor, a picture an RGB tensor of `size`, a table rows of text.
void bench_load(const BenchLoadOptions& options);

}  // namespace medusa::tools

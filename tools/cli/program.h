// What every tool's main() does around its work: options in, one line per error, the exit status.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/cli/cli.h"

namespace medusa::tools {

// Parses the command line into `command` and calls `body`.  Returns the exit status: 0; 1 after a failure at run time;
// 2 after bad input (InputError, a bad option), with one line "<tool>: <reason>" on stderr.  --help prints and ends.
// `less_memory`: what is said besides where memory runs out, such as the option that this program has against it.
int run(CommandLine& command, int argc, char** argv, const std::function<void()>& body,
        const std::string& less_memory = "");

// The same around work that parses by itself: `body` returns the exit status.
int run_program(const std::string& tool, const std::function<int()>& body, const std::string& less_memory = "");

inline constexpr const char* kSmallerBatch = "a smaller --batch needs less";

// "HxW" of pictures, e.g. "96x128", or "DxHxW" of volumes, as option `option`; throws InputError unless it is two or
// three whole numbers in 1..16384.
struct Size {
  std::int64_t height, width, depth = 0;  // depth 0: of pictures
};
Size parse_size(const std::string& text, const std::string& option = "--size");

}  // namespace medusa::tools

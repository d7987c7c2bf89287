// What every tool's main() does around its work: options in, one line per error, the exit status.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/cli/cli.h"

namespace medusa::tools {

// Parses the command line into `command` and calls `body`.  Returns the exit status: 0; 1 after a failure at run time;
// 2 after bad input (InputError, a bad option), with one line "<tool>: <reason>" on stderr.  --help prints and ends.
// `less_memory`: advice to print if memory runs out, such as an option of this program that needs less.
int run(CommandLine& command, int argc, char** argv, const std::function<void()>& body,
        const std::string& less_memory = "");

// The same around a `body` that parses the command line itself and returns the exit status.
int run_program(const std::string& tool, const std::function<int()>& body, const std::string& less_memory = "");

inline constexpr const char* kSmallerBatch = "a smaller --batch needs less";

}  // namespace medusa::tools

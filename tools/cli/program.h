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
// A standard stream that is closed at the start is /dev/null.
int run(CommandLine& command, int argc, char** argv, const std::function<void()>& body,
        const std::string& less_memory = "");

// The same around a `body` that parses the command line itself and returns the exit status.
int run_program(const std::string& tool, const std::function<int()>& body, const std::string& less_memory = "");

// A line on stderr, control characters in it as spaces.  Where that is full or closed the line is lost, and nothing
// else happens.
void print_error_line(const std::string& text);

// A pipe whose reader has gone is an error of the write from now on; else it ends the program, as `| head` expects of
// one that only prints.
void survive_closed_pipes();

// Calls `handler` for the signals that ask a program to end: SIGINT, SIGTERM and SIGHUP.  One that the program was
// started to ignore, as by nohup, stays ignored.
void on_stop_signals(void (*handler)(int));

inline constexpr const char* kSmallerBatch = "a smaller --batch needs less";
inline constexpr const char* kSmallerSize = "a smaller --size needs less";
inline constexpr const char* kFewerThreads = "fewer --threads need less";

}  // namespace medusa::tools

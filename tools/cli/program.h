// What every tool's main() does around its work: options in, one line per error, the exit status.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tensor/check.h"
#include "tensor/text.h"
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

// A line on stderr, printable (tensor/text.h) as all that follow.  Where stderr is full or closed the line is lost, and
// nothing else happens.
void print_error_line(const std::string& text);
// On stdout: several lines, each ended; a line; JSON, which stays JSON.
void print_lines(const std::string& text);
void print_json(const std::string& json);
template <class... Args>
void print_line(fmt::format_string<Args...> format, Args&&... args) {
  print_lines(printable(fmt::format(format, std::forward<Args>(args)...)) + "\n");
}

// A pipe whose reader has gone is an error of the write from now on; else it ends the program, as `| head` expects of
// one that only prints.
void survive_closed_pipes();

// Calls `handler` for the signals that ask a program to end: SIGINT, SIGTERM and SIGHUP.  One that the program was
// started to ignore, as by nohup, stays ignored.
void on_stop_signals(void (*handler)(int));

inline constexpr const char* kSmallerBatch = "a smaller --batch needs less";
inline constexpr const char* kSmallerSize = "a smaller --size needs less";
inline constexpr const char* kFewerThreads = "fewer --threads need less";
// What --follow-outside does, wherever data are opened.
inline constexpr const char* kFollowOutside =
    "read files that a header or table names even where they lie outside of the data folder";

}  // namespace medusa::tools

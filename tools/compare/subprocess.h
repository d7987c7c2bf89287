// Work in child processes, so that the crash of one does not end the others.
#pragma once

#include <string>
#include <vector>

namespace medusa::tools {

// Runs a program with its standard output and error appended to the file `log`, and waits.  Returns "" if it ended with
// status 0, else the reason: the last line that it wrote, or the signal that killed it.  Throws Error if it cannot be
// started.  SIGINT, SIGTERM and SIGHUP are passed on as SIGTERM; a child outlives us only as long as it needs to end
// cleanly.
std::string run_child(const std::vector<std::string>& command, const std::string& log);
// True once SIGINT, SIGTERM or SIGHUP has come while a child was running.
bool interrupted();

// The path of a program in the running one's folder.
std::string program_beside(const std::string& name);

}  // namespace medusa::tools

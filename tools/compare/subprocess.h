// Work in child processes, so that the crash of one does not end the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace medusa::tools {

// Starts a program with its standard output and error appended to the file `log`; returns its process id.  Throws Error
// if it cannot be started.  A child outlives us only as long as it needs to end cleanly.
int start_child(const std::vector<std::string>& command, const std::string& log);

struct EndedChild {
  int child;
  std::string failure;  // "" if it ended with status 0, else the last line that it wrote, or the signal that killed it
};
// A child that has ended.  With `block` waits for one; nullopt where none has, or there is none.
std::optional<EndedChild> wait_for_child(bool block);

// Starts a program and waits for it, signals as below; returns why it failed, "" if it did not.
std::string run_child(const std::vector<std::string>& command, const std::string& log);

// From now on SIGINT, SIGTERM and SIGHUP are passed on to all children as SIGTERM, and interrupted() says that one
// came.
void catch_stop_signals();
bool interrupted();
// Asks all children to end, and waits for them.
void end_children();

// The path of a program in the running one's folder.
std::string program_beside(const std::string& name);

}  // namespace medusa::tools

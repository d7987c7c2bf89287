// Work in child processes, so that the crash of one takes nothing else with it.
#pragma once

#include <string>
#include <vector>

namespace medusa::tools {

// Runs a program with its standard output and error appended to the file `log`, and waits.  Returns "" where it ended
// with status 0, else why it did not: the last line that it wrote, or the signal that killed it.  Throws Error where it
// cannot be started.  SIGINT and SIGTERM are passed on as SIGTERM; a child does not outlive us by more than it needs to
// end orderly.
std::string run_child(const std::vector<std::string>& command, const std::string& log);
// True once SIGINT or SIGTERM has come while a child was at work.
bool interrupted();

// The path of a program that lies beside the running one.
std::string program_beside(const std::string& name);

// Holds a folder for this process and its children; throws Error where another process still holds it after a minute.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

}  // namespace medusa::tools

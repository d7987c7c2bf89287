// Holds a folder for one process at a time.
#pragma once

#include <chrono>
#include <string>

namespace medusa {

// From construction to destruction, or to the end of the process, however it ends; a program that it starts does not
// hold it.  Nothing is written: the folder itself is locked (flock), so that a killed process leaves nothing behind.
class FolderLock {
 public:
  // Throws InputError that names the other process where one holds the folder still after `patience`, and Error where
  // the folder cannot be opened.  A file system without locks counts as free.
  explicit FolderLock(const std::string& folder, std::chrono::milliseconds patience = std::chrono::milliseconds(0));
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int folder_;
};

}  // namespace medusa

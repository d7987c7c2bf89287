#include "tensor/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

#include "tensor/check.h"

namespace medusa {
namespace {

// " (process 12, train)" of the process that holds a lock on the open file; "" where the system does not tell.
std::string holder_of(int file) {
  struct stat info {};
  if (fstat(file, &info) != 0) return "";
  const std::string place = fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
  std::ifstream locks("/proc/locks");  // "1: FLOCK ADVISORY WRITE <pid> <place> 0 EOF"
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, advisory, access, pid, where;
    words >> number >> kind >> advisory >> access >> pid >> where;
    if (kind != "FLOCK" || where != place) continue;
    std::string name;
    std::ifstream command("/proc/" + pid + "/comm");
    std::getline(command, name);
    return fmt::format(" (process {}{}{})", pid, name.empty() ? "" : ", ", name);
  }
  return "";
}

}  // namespace

FolderLock::FolderLock(const std::string& folder, std::chrono::milliseconds patience)
    : folder_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  MEDUSA_CHECK(folder_ >= 0, "{}: cannot be opened: {}", folder, std::generic_category().message(errno));
  const auto end = std::chrono::steady_clock::now() + patience;
  while (flock(folder_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return;  // a file system without locks
    if (std::chrono::steady_clock::now() >= end) {
      const std::string holder = holder_of(folder_);
      close(folder_);
      fail_input("{}: another program is working in this folder{}", folder, holder);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

FolderLock::~FolderLock() { close(folder_); }

}  // namespace medusa

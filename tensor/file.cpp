// Whole files: POSIX calls, since only they can sync and rename.
#include "tensor/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

#include "tensor/check.h"

namespace medusa {

namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// Closes on every way out.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

// Up to `most` bytes of a file of up to `limit`.
template <class Bytes>
Bytes read_up_to(const std::string& path, std::size_t most, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // no hang on a pipe without writer
  MEDUSA_CHECK_INPUT(file.fd >= 0, "{}: cannot be read: {}", path, reason(errno));
  struct stat info {};
  MEDUSA_CHECK_INPUT(::fstat(file.fd, &info) == 0, "{}: cannot be read: {}", path, reason(errno));
  MEDUSA_CHECK_INPUT(!S_ISDIR(info.st_mode), "{}: is a folder, expected a file", path);
  MEDUSA_CHECK_INPUT(S_ISREG(info.st_mode), "{}: is not a regular file", path);
  const auto whole = static_cast<std::size_t>(info.st_size), size = std::min(whole, most);
  MEDUSA_CHECK_INPUT(whole <= limit, "{}: is {} bytes long, at most {} are accepted", path, whole, limit);
  Bytes bytes(size, 0);
  std::size_t at = 0;
  while (at < size) {
    const ssize_t n = ::read(file.fd, &bytes[at], size - at);
    if (n < 0 && errno == EINTR) continue;
    MEDUSA_CHECK_INPUT(n >= 0, "{}: cannot be read: {}", path, reason(errno));
    if (n == 0) break;  // the file has shrunk meanwhile
    at += static_cast<std::size_t>(n);
  }
  bytes.resize(at);
  return bytes;
}

// Collects small pieces, so that a line of text is not a system call of its own.
class Writer {
 public:
  Writer(int fd, const std::string& path) : fd_(fd), path_(path) {}

  void write(const void* data, std::size_t size) {
    if (size >= kBuffer) {
      flush();
      write_through(static_cast<const char*>(data), size);
      return;
    }
    if (buffer_.size() + size > kBuffer) flush();
    buffer_.append(static_cast<const char*>(data), size);
  }
  void flush() {
    write_through(buffer_.data(), buffer_.size());
    buffer_.clear();
  }

 private:
  void write_through(const char* data, std::size_t size) {
    while (size > 0) {
      const ssize_t n = ::write(fd_, data, size);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("{}: cannot be written: {}", path_, reason(errno));
      data += n;
      size -= static_cast<std::size_t>(n);
    }
  }

  static constexpr std::size_t kBuffer = 1 << 16;
  int fd_;
  const std::string& path_;
  std::string buffer_;
};

using Produce = std::function<void(const std::function<void(const void*, std::size_t)>&)>;

void fill(int fd, const std::string& path, const Produce& produce) {
  Writer writer(fd, path);
  produce([&writer](const void* data, std::size_t size) { writer.write(data, size); });
  writer.flush();
}

// Opens the temporary file exclusively.  Its name is always the same, so that what a killed program left behind is
// overwritten by the next write instead of piling up; the lock keeps two living programs apart.  What is there already
// must be a file of this user's: a link would have its target emptied, a pipe would block.
int open_temporary(const std::string& temporary, const std::string& path) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = ::open(temporary.c_str(), kFlags | O_EXCL, 0666);
    const bool found = fd < 0 && errno == EEXIST;
    if (found) fd = ::open(temporary.c_str(), kFlags, 0666);
    if (found && fd < 0 && (errno == ELOOP || errno == ENXIO))
      fail("{}: cannot be written: {} is in the way, and is not a regular file", path, temporary);
    if (fd < 0) fail("{}: cannot be written: {} (temporary file {})", path, reason(errno), temporary);
    Descriptor file(fd);
    struct stat there {};
    if (found && (::fstat(fd, &there) != 0 || !S_ISREG(there.st_mode) || there.st_uid != ::geteuid()))
      fail("{}: cannot be written: {} is in the way, and is not a file of yours", path, temporary);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      fail("{}: another program is writing it (temporary file {})", path, temporary);
    struct stat mine {
    }, named{};
    const bool same = ::fstat(fd, &mine) == 0 && ::stat(temporary.c_str(), &named) == 0 && mine.st_ino == named.st_ino;
    if (!same) continue;  // the other program finished and renamed this very file between our open and our lock
    if (::ftruncate(fd, 0) != 0) {
      const int error = errno;
      ::unlink(temporary.c_str());
      fail("{}: cannot be written: {} (temporary file {})", path, reason(error), temporary);
    }
    file.fd = -1;
    return fd;
  }
  fail("{}: another program is writing it (temporary file {})", path, temporary);
}

void sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a folder; the file itself is safe on disk by now.
  if (handle.fd >= 0) static_cast<void>(::fsync(handle.fd));
}

}  // namespace

std::vector<unsigned char> read_file(const std::string& path, std::size_t limit) {
  return read_up_to<std::vector<unsigned char>>(path, limit, limit);
}

std::string read_text_file(const std::string& path, std::size_t limit) {
  return read_up_to<std::string>(path, limit, limit);
}

std::vector<unsigned char> read_beginning(const std::string& path, std::size_t most) {
  return read_up_to<std::vector<unsigned char>>(path, most, std::numeric_limits<std::size_t>::max());
}

void make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  MEDUSA_CHECK(!error, "{}: cannot be created: {}", path, error.message());
}

void write_file(const std::string& path, std::string_view bytes) {
  write_file(path, [bytes](const auto& write) { write(bytes.data(), bytes.size()); });
}

void write_file(const std::string& path, const Produce& produce) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    MEDUSA_CHECK(!S_ISDIR(info.st_mode), "{}: cannot be written: is a folder", path);
    const Descriptor device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));  // /dev/stdout, a pipe: nothing to rename
    MEDUSA_CHECK(device.fd >= 0, "{}: cannot be written: {}", path, reason(errno));
    return fill(device.fd, path, produce);
  }
  const std::string temporary = path + kTemporaryEnding;
  Descriptor file(open_temporary(temporary, path));
  try {
    fill(file.fd, path, produce);
    if (::fsync(file.fd) != 0) fail("{}: cannot be written: {} (temporary file {})", path, reason(errno), temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      fail("{}: cannot be written: renaming {}: {}", path, temporary, reason(errno));
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  file.close();  // its content is on disk by now: an error here is about nothing that was written
  sync_folder_of(path);
}

}  // namespace medusa

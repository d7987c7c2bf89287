// libfaults.so: a library to preload that makes one call of a program fail.  README.md has the environment variables.
//
// It sees the calls that the program and its libraries make, not those that the C library makes inside itself: writes
// of standard output, the stacks of threads and the blocks of malloc() do not count for `write` and `mmap`.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
}

namespace {

// Allocates nothing and is right before any constructor has run: malloc() is among the calls.
struct Plan {
  const char* kind = std::getenv("FAULT_KIND");
  long at = 0;
  bool on = false;  // every call from the n-th on
  size_t bytes = 4096;
  Plan() {
    if (const char* n = std::getenv("FAULT_AT")) {
      char* end = nullptr;
      at = std::strtol(n, &end, 10);
      on = *end == '+';
    }
    if (const char* least = std::getenv("FAULT_BYTES")) bytes = std::strtoul(least, nullptr, 10);
  }
};

const Plan& plan() {
  static const Plan one;
  return one;
}

std::atomic<long> calls{0};

bool is(const char* kind) { return plan().kind != nullptr && std::strcmp(plan().kind, kind) == 0; }

// Leaves a file that says so; by system calls, which are not counted.
void leave_mark() {
  const char* path = std::getenv("FAULT_MARK");
  if (path == nullptr) return;
  const long file = syscall(SYS_open, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file >= 0) syscall(SYS_close, file);
}

// Counts a call of this kind; whether it is to fail.  The number of the call goes to `number`.
bool fails(const char* kind, long* number = nullptr) {
  if (!is(kind)) return false;
  const long call = ++calls;
  if (number != nullptr) *number = call;
  const bool now = plan().on ? call >= plan().at : call == plan().at;
  if (now) leave_mark();
  return now;
}

bool refused(const char* kind, int error) {
  if (!fails(kind)) return false;
  errno = error;
  return true;
}

template <class F>
F* next(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

bool of_interest(int file) { return file > STDERR_FILENO; }

bool writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

// `open`: for reading; `create`: for writing
bool open_refused(int flags) { return writes(flags) ? refused("create", ENOSPC) : refused("open", EMFILE); }

bool memory_refused(size_t size) { return size >= plan().bytes && refused("memory", ENOMEM); }

}  // namespace

#define NEXT(name) next(&::name, #name)

extern "C" {

// `write`: the n-th fails.  `short`: the n-th writes half, and the next fails.  `half`: the n-th writes half, no more.
ssize_t write(int file, const void* data, size_t size) {
  static const auto real = NEXT(write);
  if (!of_interest(file)) return real(file, data, size);
  if (refused("write", ENOSPC)) return -1;
  if (fails("half")) return real(file, data, size > 1 ? size / 2 : size);
  if (is("short")) {
    static std::atomic<bool> full{false};
    if (full) return errno = ENOSPC, -1;
    if (fails("short")) {
      full = true;
      return size > 1 ? real(file, data, size / 2) : (errno = ENOSPC, -1);
    }
  }
  return real(file, data, size);
}

ssize_t read(int file, void* data, size_t size) {
  static const auto real = NEXT(read);
  return of_interest(file) && refused("read", EIO) ? -1 : real(file, data, size);
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = NEXT(rename);
  return refused("rename", EIO) ? -1 : real(from, to);
}

int fsync(int file) {
  static const auto real = NEXT(fsync);
  return refused("fsync", EIO) ? -1 : real(file);
}

int close(int file) {
  static const auto real = NEXT(close);
  if (of_interest(file) && fails("close")) {
    real(file);
    return errno = EIO, -1;
  }
  return real(file);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto real = NEXT(mkdir);
  return refused("mkdir", ENOSPC) ? -1 : real(path, mode);
}

int ftruncate(int file, off_t size) noexcept {
  static const auto real = NEXT(ftruncate);
  return refused("truncate", EIO) ? -1 : real(file, size);
}

int open(const char* path, int flags, ...) {
  static const auto real = NEXT(open);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return open_refused(flags) ? -1 : real(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  static const auto real = NEXT(open64);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return open_refused(flags) ? -1 : real(path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  static const auto real = NEXT(fopen64);
  return open_refused(mode[0] == 'r' ? O_RDONLY : O_WRONLY) ? nullptr : real(path, mode);
}

void* mmap(void* place, size_t size, int protection, int flags, int file, off_t at) noexcept {
  static const auto real = NEXT(mmap);
  return refused("mmap", ENOMEM) ? MAP_FAILED : real(place, size, protection, flags, file, at);
}

int mprotect(void* place, size_t size, int protection) noexcept {
  static const auto real = NEXT(mprotect);
  return refused("mmap", ENOMEM) ? -1 : real(place, size, protection);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) noexcept {
  static const auto real = NEXT(pthread_create);
  return fails("thread") ? EAGAIN : real(thread, attributes, body, argument);
}

// `memory`: blocks of FAULT_BYTES bytes and more
void* malloc(size_t size) noexcept { return memory_refused(size) ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) noexcept {
  return memory_refused(count * size) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) noexcept {
  return memory_refused(size) ? nullptr : __libc_realloc(block, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memory_refused(size) ? nullptr : __libc_memalign(alignment, size);
}

}  // extern "C"

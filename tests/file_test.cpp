// Files are written whole or not at all.
#include "tensor/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tensor/check.h"

namespace medusa {

namespace {

namespace fs = std::filesystem;

// A folder of its own for a test, gone at the end.
struct Folder {
  std::string path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "medusa_file_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_all, ignored);
    fs::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
};

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Runs f in a child process and gives its exit status; -1 where a signal ended it.
template <class F>
int in_child(F&& f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("file: what is written is read back, pieces small and large, an older file replaced") {
  const Folder folder;
  const std::string path = folder / "a.txt", big(200000, 'x');
  write_file(path, "old");
  write_file(path, [&](const auto& write) {
    write("ab", 2);
    write(big.data(), big.size());
    write("c", 1);
    write("", 0);
  });
  CHECK(read_text_file(path) == "ab" + big + "c");
  CHECK(read_file(path).size() == 200003);
  CHECK(read_file(path)[1] == 'b');
  CHECK(folder.files() == 1);
  write_file(path, "");
  CHECK(read_text_file(path).empty());
}

TEST_CASE("file: reading says what is wrong") {
  const Folder folder;
  write_file(folder / "five", "12345");
  CHECK(contains(error_of([&] { read_file(folder / "five", 4); }), "/five: is 5 bytes long, at most 4 are accepted"));
  CHECK_NOTHROW(read_file(folder / "five", 5));
  CHECK_THROWS_AS(read_file(folder / "none"), InputError);
  CHECK(contains(error_of([&] { read_file(folder / "none"); }), "/none: cannot be read: No such file"));
  CHECK(contains(error_of([&] { read_text_file(folder.path); }), "is a folder, expected a file"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(error_of([&] { read_file(folder / "pipe"); }), "/pipe: is not a regular file"));
  CHECK(contains(error_of([&] { read_file("/dev/zero"); }), "/dev/zero: is not a regular file"));
}

TEST_CASE("file: a failing producer or a missing folder leaves the older file and nothing else") {
  const Folder folder;
  write_file(folder / "a", "old");
  const auto produce = [](const auto& write) {
    write("new", 3);
    fail("the producer broke");
  };
  CHECK(error_of([&] { write_file(folder / "a", produce); }) == "the producer broke");
  CHECK(read_text_file(folder / "a") == "old");
  CHECK(folder.files() == 1);
  const std::string message = error_of([&] { write_file(folder / "missing/b", "x"); });
  CHECK(contains(message, "/missing/b: cannot be written: No such file or directory"));
  CHECK(contains(message, "/missing/b.tmp"));
  CHECK(contains(error_of([&] { write_file(folder.path, "x"); }), "is a folder"));
}

TEST_CASE("file: a full disk") {
  const Folder folder;
  write_file(folder / "a", "old");
  // The limit on a file's size stands in for the end of the disk: the system answers a write in the same way.
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = error_of([&] { write_file(folder / "a", std::string(300000, 'x')); });
    return contains(message, "/a: cannot be written: File too large") ? 0 : 1;
  });
  CHECK(status == 0);
  CHECK(read_text_file(folder / "a") == "old");
  CHECK(folder.files() == 1);
  CHECK(contains(error_of([] { write_file("/dev/full", "x"); }), "/dev/full: cannot be written: No space left"));
}

TEST_CASE("file: a read-only folder") {
  const Folder folder;
  write_file(folder / "a", "old");
  REQUIRE(::chmod(folder.path.c_str(), 0555) == 0);
  const int status = in_child([&] {
    if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return 2;  // root may write anywhere
    const std::string message = error_of([&] { write_file(folder / "a", "new"); });
    return contains(message, "/a: cannot be written: Permission denied") ? 0 : 1;
  });
  CHECK(status == 0);
  CHECK(read_text_file(folder / "a") == "old");
}

TEST_CASE("file: killed in the middle, the older file stands and the next write succeeds") {
  const Folder folder;
  write_file(folder / "a", "old");
  const int status = in_child([&] {
    write_file(folder / "a", [](const auto& write) {
      const std::string half(100000, 'n');
      write(half.data(), half.size());
      ::kill(::getpid(), SIGKILL);
    });
    return 0;
  });
  CHECK(status == -1);
  CHECK(read_text_file(folder / "a") == "old");
  CHECK(fs::exists(folder / "a.tmp"));  // what the killed program left; not taken for the file
  write_file(folder / "a", "new");
  CHECK(read_text_file(folder / "a") == "new");
  CHECK(folder.files() == 1);
}

TEST_CASE("file: what lies in the way of the temporary file is neither followed nor emptied") {
  const Folder folder;
  write_file(folder / "precious", "kept");
  fs::create_symlink(folder / "precious", folder / "a.tmp");
  CHECK(
      contains(error_of([&] { write_file(folder / "a", "new"); }), "/a.tmp is in the way, and is not a regular file"));
  CHECK(read_text_file(folder / "precious") == "kept");
  CHECK_FALSE(fs::exists(folder / "a"));
  REQUIRE(::mkfifo((folder / "b.tmp").c_str(), 0600) == 0);
  CHECK(
      contains(error_of([&] { write_file(folder / "b", "new"); }), "/b.tmp is in the way, and is not a regular file"));
  fs::create_directory(folder / "c.tmp");
  CHECK(contains(error_of([&] { write_file(folder / "c", "new"); }), "cannot be written: Is a directory"));
  fs::create_symlink(folder / "nowhere", folder / "d.tmp");
  CHECK(contains(error_of([&] { write_file(folder / "d", "new"); }), "/d.tmp is in the way"));
  CHECK_FALSE(fs::exists(folder / "nowhere"));
}

TEST_CASE("file: two writers at once do not mix") {
  const Folder folder;
  const std::string message = error_of([&] {
    write_file(folder / "a", [&](const auto& write) {
      write("outer", 5);
      write_file(folder / "a", "inner");  // another open description of the same temporary file, as another program's
    });
  });
  CHECK(contains(message, "/a: another program is writing it"));
  CHECK(folder.files() == 0);
}

}  // namespace medusa

// What the tests of files and datasets share: a temporary folder, the text of an error, the place of real data.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tensor/check.h"

namespace medusa::test {

// Removed with all its contents at the end of the test.
struct TempFolder {
  std::string path;
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "medusa_data_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

inline void save(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
inline std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The message of the InputError that f throws; "" where it throws none.  Anything else it throws fails the test.
template <class F>
std::string input_error(F&& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}
// The same for an Error that is not an InputError.
template <class F>
std::string runtime_error(F&& f) {
  try {
    f();
  } catch (const InputError& error) {
    FAIL("InputError instead of Error: " << error.what());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Says that a test lacks something here: tests/run.sh counts such a line as a failure in CI.
inline void skipped(const std::string& what) { std::printf("skipped: %s\n", what.c_str()); }

// MEDUSA_DATA/part where that exists; otherwise "", and the test's output says so.
inline std::string real_data(const std::string& part) {
  const char* root = std::getenv("MEDUSA_DATA");
  if (root == nullptr) {
    std::printf("left out: %s (MEDUSA_DATA names no folder)\n", part.c_str());
    return "";
  }
  const std::string path = std::string(root) + "/" + part;
  if (std::filesystem::exists(path)) return path;
  skipped(part + " (MEDUSA_DATA has no such folder)");
  return "";
}

}  // namespace medusa::test

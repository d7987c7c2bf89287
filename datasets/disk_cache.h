// Decoded samples on disk: the next run need not read and reduce again what one run has.
#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/check.h"

namespace medusa::datasets {

// Numbers and lists of numbers one after the other, in this machine's byte order: a cache is not moved to another.
class Packer {
 public:
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  template <class T>
  void put(const std::vector<T>& values) {
    static_assert(std::is_trivially_copyable_v<T>);
    put(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(const std::string& bytes) : bytes_(bytes) {}
  template <class T>
  void get(T* value) {
    static_assert(std::is_trivially_copyable_v<T>);
    copy(value, sizeof(T));
  }
  template <class T>
  void get(std::vector<T>* values) {
    std::size_t size = 0;
    get(&size);
    MEDUSA_CHECK(size <= (bytes_.size() - at_) / sizeof(T), "cache: claims {} numbers", size);
    values->resize(size);
    copy(values->data(), size * sizeof(T));
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  void copy(void* to, std::size_t n) {
    MEDUSA_CHECK(n <= bytes_.size() - at_, "cache: ends too early");
    if (n > 0) std::memcpy(to, bytes_.data() + at_, n);
    at_ += n;
  }
  const std::string& bytes_;
  std::size_t at_ = 0;
};

// A folder with a file for each sample.  A file begins with all that its content depends on: the source files with size
// and modification time, and how they were decoded.  If any of that has changed, or the checksum shows damage, the file
// is ignored and written anew.  Called from several threads at once.
class DiskCache {
 public:
  // "": off.  The folder is made together with the first sample.
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}
  bool on() const { return !folder_.empty(); }

  // Sample `id` from its file; if there is none, calls `make` and saves the result.  `recipe`: how the sample is
  // decoded, with all parameters; each recipe has files of its own.  `sources`: the files that it is read from, or
  // arrays of archives ("x.npz#ct"); an absent file is listed too, since it may appear later.  Throws Error if a file
  // cannot be written.
  std::string get(const std::string& id, const std::string& recipe, const std::vector<std::string>& sources,
                  const std::function<std::string()>& make) const;
  // The file that holds a sample; in its name, characters other than letters, digits, '.', '_' and '-' become '_'.
  std::string file(const std::string& id, const std::string& recipe) const;

 private:
  std::string folder_;
};

}  // namespace medusa::datasets

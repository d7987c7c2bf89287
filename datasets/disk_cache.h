// Decoded samples kept on disk: what one run has read and reduced, the next one need not.
#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/check.h"

namespace medusa::datasets {

// Numbers and lists of numbers one behind the other, in this machine's byte order: a cache stays where it was made.
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

// A folder with a file for each sample.  A file begins with all that its content was made of: the source files with
// size and time of change, and how they were decoded.  Where any of that is another now, or the file is damaged (a
// checksum tells), it is as if it were not there, and is written anew.  Called from several threads at once.
class DiskCache {
 public:
  // "": nothing is kept.  The folder is made when the first sample is.
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}
  bool on() const { return !folder_.empty(); }

  // What was kept of sample `id`, or what `make` makes now, which is then kept.  `recipe`: how it is decoded, with all
  // parameters; samples of another recipe have files of their own.  `sources`: the files that it is read from, or
  // arrays of archives ("x.npz#ct"); one that is not there is a source, too, for it may come.  Throws Error where a
  // file cannot be written.
  std::string get(const std::string& id, const std::string& recipe, const std::vector<std::string>& sources,
                  const std::function<std::string()>& make) const;
  // The file that holds a sample; in its name other characters than letters, digits, '.', '_' and '-' become '_'.
  std::string file(const std::string& id, const std::string& recipe) const;

 private:
  std::string folder_;
};

}  // namespace medusa::datasets

// Decoded, resized samples kept in memory in a compact form: no decoding after the first epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "datasets/transforms/transforms.h"

namespace medusa::datasets {

// T::bytes() is the memory that an item holds.  Shared by all threads.  Once the limit is reached, nothing is added and
// nothing is evicted: every epoch visits every sample once, so evicting the oldest would evict what is needed next.
template <class T>
class Cache {
 public:
  explicit Cache(std::int64_t byte_limit) : limit_(byte_limit) {}

  // Sample `index`, from the cache or from `make`.  Two threads may make the same one at once.
  std::shared_ptr<const T> get(std::int64_t index, const std::function<T()>& make) {
    {
      std::lock_guard lock(mutex_);
      const auto found = items_.find(index);
      if (found != items_.end()) return found->second;
    }
    const auto item = std::make_shared<const T>(make());  // the slow part, without the lock
    const std::int64_t size = item->bytes();
    std::lock_guard lock(mutex_);
    if (bytes_ + size <= limit_ && items_.emplace(index, item).second) bytes_ += size;
    return item;
  }

  std::int64_t bytes() const {  // of all items
    std::lock_guard lock(mutex_);
    return bytes_;
  }
  std::int64_t count() const {
    std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(items_.size());
  }

 private:
  const std::int64_t limit_;
  mutable std::mutex mutex_;
  std::int64_t bytes_ = 0;
  std::unordered_map<std::int64_t, std::shared_ptr<const T>> items_;
};

// 8-bit pixels: a quarter of the memory that floats would take.
using PictureCache = Cache<Picture>;

}  // namespace medusa::datasets

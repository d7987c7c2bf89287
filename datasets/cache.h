// Decoded, resized samples kept as 8-bit pixels: a quarter of the memory that floats would take, and no decoding
// after the first epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "datasets/transforms.h"

namespace medusa::datasets {

// Shared by all threads.  Once the limit is reached nothing more is kept and nothing is thrown out: every epoch visits
// every sample once, so throwing out the oldest would throw out what is needed next.
class PictureCache {
 public:
  explicit PictureCache(std::int64_t byte_limit) : limit_(byte_limit) {}

  // The picture of sample `index`, from the cache or from `make`.  Two threads may make the same one at once.
  std::shared_ptr<const Picture> get(std::int64_t index, const std::function<Picture()>& make);

  std::int64_t bytes() const;  // of the pixels held
  std::int64_t count() const;

 private:
  const std::int64_t limit_;
  mutable std::mutex mutex_;
  std::int64_t bytes_ = 0;
  std::unordered_map<std::int64_t, std::shared_ptr<const Picture>> pictures_;
};

}  // namespace medusa::datasets

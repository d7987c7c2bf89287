#include "datasets/cache.h"

namespace medusa::datasets {

std::shared_ptr<const Picture> PictureCache::get(std::int64_t index, const std::function<Picture()>& make) {
  {
    std::lock_guard lock(mutex_);
    const auto found = pictures_.find(index);
    if (found != pictures_.end()) return found->second;
  }
  const auto picture = std::make_shared<const Picture>(make());  // the slow part, without the lock
  const std::int64_t size = static_cast<std::int64_t>(picture->image.pixels.size() + picture->mask.pixels.size());
  std::lock_guard lock(mutex_);
  if (bytes_ + size <= limit_ && pictures_.emplace(index, picture).second) bytes_ += size;
  return picture;
}

std::int64_t PictureCache::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

std::int64_t PictureCache::count() const {
  std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(pictures_.size());
}

}  // namespace medusa::datasets

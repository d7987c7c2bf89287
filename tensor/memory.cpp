#include "tensor/memory.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "tensor/arena.h"
#include "tensor/check.h"

namespace medusa {

namespace {

// Eight size classes per power of two: at most 1/8 of a block is wasted.  The least block has 64 bytes.
std::size_t size_class(std::size_t bytes) {
  if (bytes <= 64) return 64;
  const std::size_t step = std::bit_floor(bytes - 1) / 8;
  const std::size_t unit = step < 64 ? 64 : step;
  return (bytes + unit - 1) / unit * unit;
}

// No machine has a block larger than this; asking the system for more may end the process (sanitizers) or overflow.
constexpr std::size_t kLargest = std::size_t{1} << 39;
// Blocks of at least kArenaBytes are cut from the arena (if there is one) one by one; smaller ones come from slabs,
// which are cut from it.
constexpr std::size_t kArenaBytes = std::size_t{1} << 17, kSlabBytes = std::size_t{1} << 20;

void* system_allocate(std::size_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }

// Where a pool's blocks come from.
struct System {
  void* (*allocate)(std::size_t bytes);
  void (*free)(void* block) noexcept;
  std::string (*text)();  // for the message when memory runs out
  bool arena;             // large blocks are cut from a range of addresses (see arena.h)
};
void free_on_host(void* block) noexcept { std::free(block); }
constexpr System kHost{system_allocate, free_on_host, [] { return std::string(); }, true};
#if defined(MEDUSA_HAVE_CUDA)
constexpr System kGpu{cuda::system_allocate, cuda::system_free, cuda::memory_text, false};
#endif

class Pool {
 public:
  explicit Pool(const System& system) : system_(system) {
    const char* mode = std::getenv("MEDUSA_POOL");
    exact_ = mode != nullptr && std::strcmp(mode, "off") == 0;
    if (system.arena && !exact_) arena_.emplace();
  }

  void* allocate(std::size_t bytes) {
    const std::size_t size = class_of(bytes < kLargest ? bytes : kLargest);
    std::lock_guard lock(mutex_);
    if (bytes >= kLargest) refuse(bytes, "");
    bool asked = false;
    void* block = in_arena(size) ? arena_->allocate(size, asked) : nullptr;
    if (block == nullptr) block = take_cached(size);
    if (block == nullptr && size < kArenaBytes) block = carve(size, asked);
    if (asked) ++stats_.system_allocations;
    if (block == nullptr) {
      block = system_.allocate(size);
      if (block == nullptr) {  // the cache may hold what is missing
        release_locked();
        block = system_.allocate(size);
      }
      if (block == nullptr) refuse(bytes, system_.text());
      ++stats_.system_allocations;
    }
    stats_.in_use += static_cast<std::int64_t>(size);
    if (stats_.in_use > stats_.peak) stats_.peak = stats_.in_use;
    return block;
  }

  void free(void* block, std::size_t bytes) noexcept {
    const std::size_t size = class_of(bytes);
    std::lock_guard lock(mutex_);
    stats_.in_use -= static_cast<std::int64_t>(size);
    if (exact_) return system_.free(block);
    if (in_arena(size) && arena_->owns(block)) return arena_->free(block, size);
    stats_.cached += static_cast<std::int64_t>(size);
    cache_[size].push_back(block);
  }

  MemoryStats stats() {
    std::lock_guard lock(mutex_);
    MemoryStats now = stats_;
    if (arena_) now.cached += static_cast<std::int64_t>(arena_->cached());
    return now;
  }
  void reset_peak() {
    std::lock_guard lock(mutex_);
    stats_.peak = stats_.in_use;
  }
  void release() {
    std::lock_guard lock(mutex_);
    release_locked();
  }

 private:
  std::size_t class_of(std::size_t bytes) const {
    if (exact_ && bytes > 0) return bytes;
    return in_arena(bytes) ? Arena::rounded(bytes) : size_class(bytes);
  }
  [[noreturn]] void refuse(std::size_t bytes, const std::string& free) const {
    throw OutOfMemory(fmt::format("out of memory: {} bytes asked for, {} in use{}", bytes, stats_.in_use, free));
  }
  bool in_arena(std::size_t bytes) const { return arena_ && bytes >= kArenaBytes; }
  void* take_cached(std::size_t size) {
    auto at = cache_.find(size);
    if (at == cache_.end() || at->second.empty()) return nullptr;
    void* block = at->second.back();
    at->second.pop_back();
    stats_.cached -= static_cast<std::int64_t>(size);
    return block;
  }
  // A small block from the end of the current slab, or from a fresh one: threads that hold scratch memory at once for
  // the first time in the hundredth step then take it from here and not from the system.
  void* carve(std::size_t size, bool& asked) {
    if (!arena_) return nullptr;
    if (slab_left_ < size) {
      void* fresh = arena_->allocate(kSlabBytes, asked);
      if (fresh == nullptr) return nullptr;
      slab_ = static_cast<char*>(fresh);
      slab_left_ = kSlabBytes;
    }
    slab_left_ -= size;
    return slab_ + slab_left_;
  }
  // What lies in slabs stays: it is little.
  void release_locked() {
    for (auto& [size, blocks] : cache_)
      std::erase_if(blocks, [&, size = size](void* block) {
        if (arena_ && arena_->owns(block)) return false;
        system_.free(block);
        stats_.cached -= static_cast<std::int64_t>(size);
        return true;
      });
    if (arena_) arena_->trim();
  }

  const System system_;
  bool exact_;  // MEDUSA_POOL=off
  std::mutex mutex_;
  std::optional<Arena> arena_;
  char* slab_ = nullptr;
  std::size_t slab_left_ = 0;
  std::map<std::size_t, std::vector<void*>> cache_;
  MemoryStats stats_;
};

// Never destroyed: tensors in static variables may outlive everything else.
Pool& pool(Device device) {
  static Pool& cpu = *new Pool(kHost);
  if (device == Device::CPU) return cpu;
#if defined(MEDUSA_HAVE_CUDA)
  static Pool& gpu = *new Pool(kGpu);
  return gpu;
#endif
  fail("memory: this build has no CUDA backend");
}

}  // namespace

void* pool_allocate(std::size_t bytes, Device device) { return pool(device).allocate(bytes); }
void pool_free(void* block, std::size_t bytes, Device device) noexcept { pool(device).free(block, bytes); }
MemoryStats memory_stats(Device device) { return pool(device).stats(); }
void reset_peak_memory(Device device) { pool(device).reset_peak(); }
void release_cached_memory(Device device) { pool(device).release(); }

}  // namespace medusa

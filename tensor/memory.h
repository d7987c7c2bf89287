// The caching memory pool.  A page fault costs microseconds, so memory that a tensor gives back is kept and
// handed to the next tensor of the same size class: after two training steps nothing is asked of the system.
// With MEDUSA_POOL=off in the environment nothing is kept and sizes are exact: then sanitizers, and the simulated GPU,
// see every access beyond a block and every use after free.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/check.h"
#include "tensor/device.h"

namespace medusa {

// Bytes are those of the size classes handed out (at most 1/8 more than asked for).
struct MemoryStats {
  std::int64_t in_use = 0;              // bytes held by living tensors
  std::int64_t peak = 0;                // the most that `in_use` has been since reset_peak_memory()
  std::int64_t cached = 0;              // bytes kept for reuse
  std::int64_t system_allocations = 0;  // how often the pool had to ask the system
};

// The message names the size, and on a GPU what is free.  Only the program knows what would need less.
struct OutOfMemory : Error {
  using Error::Error;
};

// At least `bytes` bytes, aligned to 64; contents undefined.  Throws OutOfMemory when there is none.
void* pool_allocate(std::size_t bytes, Device device);
// Gives a block back; `bytes` as asked for.
void pool_free(void* block, std::size_t bytes, Device device) noexcept;

MemoryStats memory_stats(Device device = Device::CPU);
void reset_peak_memory(Device device = Device::CPU);
// Returns cached blocks to the system, all but the small ones (below 128 KiB).
void release_cached_memory(Device device = Device::CPU);

}  // namespace medusa

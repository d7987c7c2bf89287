// What the parts of the simulated device know of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "cuda/sim/cuda_runtime.h"
#include "cuda/sim/sim.h"

namespace sim {

// ---- order.cpp: all chance comes from one seed
bool random_order();
std::uint64_t random_below(std::uint64_t n);
inline bool coin() { return random_order() && random_below(2) == 0; }
Streams stream_mode();

// ---- error.cpp
// Prints "sim: TEXT" to stderr.
void report(const std::string& text);
// Records an error for cudaGetLastError() and returns it; complains where the one before was never looked at.
cudaError_t set_error(cudaError_t error);
// A kernel went wrong: as on a GPU, every later call fails with this error.
void break_device(const std::string& text);
// The error that every call returns once the device is broken; else cudaSuccess.
cudaError_t broken();

// ---- memory.cpp
enum class Place { Device, NotAllocated, Host };  // NotAllocated: a device address outside any allocation
Place place_of(const void* begin, std::size_t bytes);
struct Range {
  const char *begin = nullptr, *end = nullptr;
  bool holds(const void* p, std::size_t bytes) const {
    return p >= begin && static_cast<const char*>(p) + bytes <= end;
  }
};
// The allocation, of the device or pinned on the host, that holds these bytes; empty where there is none.
Range allocation_of(const void* begin, std::size_t bytes);
bool is_pinned(const void* begin, std::size_t bytes);
void report_leaks();
// The host can touch device memory only while one of these lives.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

// ---- stream.cpp
void enqueue(cudaStream_t stream, std::function<void()> operation);
void finish(cudaStream_t stream);
void finish_all();
void report_unfinished();

// ---- shared.cpp: __shared__ arrays
bool is_shared(const void* p);
// Fills all of them with bytes 0xff: NaN, or -1.
void poison_shared();
__attribute__((no_sanitize("address"))) void poison(void* begin, std::size_t bytes);

// ---- block.cpp: the block that is running
struct Here {                             // the running thread, for the checker
  std::uint32_t block;                    // serial number over all launches
  std::uint32_t first_block;              // of this launch
  int thread;                             // in the block
  std::uint32_t barriers, warp_barriers;  // how many it has passed
};
bool in_kernel();
Here here();
bool is_thread_private(const void* p);  // a kernel's stack or its arguments
// Ends the running kernel: the thread never comes back.
[[noreturn]] void kernel_error(const std::string& text);
void maybe_yield();
void run_block(const KernelCall& kernel, dim3 grid, dim3 block, uint3 index, bool first_of_launch);
// The message of a block that went wrong; empty else.
const std::string& block_failure();

// ---- checker.cpp, or without it a function that does nothing
void check_access(const void* p, std::size_t bytes, bool write, bool atomic, const void* code);
void allocation_changed();

}  // namespace sim

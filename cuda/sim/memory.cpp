// Device memory.  It lies in a stretch of addresses that the host cannot touch, except while a kernel or a copy runs
// (MEDUSA_SIM_OPEN=1 leaves it open, for a debugger).  Addresses are never used twice, fresh memory holds NaN.  Under
// the address sanitizer it comes from malloc instead: with red zones, but open to the host.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "cuda/sim/internal.h"

namespace sim {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif
constexpr std::size_t kArenaBytes = std::size_t{1} << 40, kPage = 4096;

// 8 GiB, or what MEDUSA_SIM_MEMORY says, in MiB.
std::size_t device_bytes() {
  static const std::size_t bytes = [] {
    const char* mib = std::getenv("MEDUSA_SIM_MEMORY");
    return (mib != nullptr ? std::size_t{std::strtoull(mib, nullptr, 10)} : std::size_t{8} << 10) << 20;
  }();
  return bytes;
}

using Blocks = std::map<const char*, std::size_t>;
// Never destroyed: the report at exit needs them.
Blocks& device_blocks() {
  static Blocks& blocks = *new Blocks;
  return blocks;
}
Blocks& pinned_blocks() {
  static Blocks& blocks = *new Blocks;
  return blocks;
}

char* arena = nullptr;
std::size_t arena_used = 0, bytes_in_use = 0;
int open_depth = 0;

std::size_t pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

void set_arena_access(int protection) {
  static const bool always_open = std::getenv("MEDUSA_SIM_OPEN") != nullptr;
  // From the lowest live block: the system would walk through all addresses that ever were, every time.
  const Blocks& blocks = device_blocks();
  if (arena == nullptr || blocks.empty()) return;
  char* const first = const_cast<char*>(blocks.begin()->first);
  mprotect(first, static_cast<std::size_t>(arena + arena_used - first),
           always_open ? PROT_READ | PROT_WRITE : protection);
}

char* arena_allocate(std::size_t bytes) {
  if (arena == nullptr) {
    void* const place = reinterpret_cast<void*>(0x100000000000);  // a hint: easy to recognise
    void* memory = mmap(place, kArenaBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    arena = static_cast<char*>(memory);
  }
  const std::size_t needed = pages(bytes) + kPage;  // a page between blocks
  if (arena_used + needed > kArenaBytes) return nullptr;
  char* block = arena + arena_used;
  arena_used += needed;
  return block;
}

Range find(const Blocks& blocks, const void* begin, std::size_t bytes) {
  auto at = blocks.upper_bound(static_cast<const char*>(begin));
  if (at == blocks.begin()) return {};
  --at;
  const Range range{at->first, at->first + at->second};
  return range.holds(begin, bytes) ? range : Range{};
}

}  // namespace

DeviceAccess::DeviceAccess() {
  if (open_depth++ == 0) set_arena_access(PROT_READ | PROT_WRITE);
}
DeviceAccess::~DeviceAccess() {
  if (--open_depth == 0) set_arena_access(PROT_NONE);
}

Place place_of(const void* begin, std::size_t bytes) {
  if (find(device_blocks(), begin, bytes).begin != nullptr) return Place::Device;
  const Range all{arena, arena + kArenaBytes};
  if (arena != nullptr && all.holds(begin, 0)) return Place::NotAllocated;
  // Without an arena: it begins in a block but does not end there.
  return find(device_blocks(), begin, 1).begin != nullptr ? Place::NotAllocated : Place::Host;
}
Range allocation_of(const void* begin, std::size_t bytes) {
  const Range range = find(device_blocks(), begin, bytes);
  return range.begin != nullptr ? range : find(pinned_blocks(), begin, bytes);
}
bool is_pinned(const void* begin, std::size_t bytes) { return find(pinned_blocks(), begin, bytes).begin != nullptr; }

void report_leaks() {
  if (!device_blocks().empty())
    report("at exit: " + std::to_string(device_blocks().size()) + " device allocations (" +
           std::to_string(bytes_in_use) + " bytes) were never freed");
  if (!pinned_blocks().empty())
    report("at exit: " + std::to_string(pinned_blocks().size()) + " pinned allocations were never freed");
}

}  // namespace sim

using namespace sim;

cudaError_t cudaMalloc(void** block, std::size_t bytes) {
  if (broken() != cudaSuccess) return broken();
  *block = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > device_bytes() - bytes_in_use) return set_error(cudaErrorMemoryAllocation);
  void* memory = nullptr;
  if (!kAddressSanitizer)
    memory = arena_allocate(bytes);
  else if (posix_memalign(&memory, 256, bytes) != 0)
    memory = nullptr;
  if (memory == nullptr) return set_error(cudaErrorMemoryAllocation);
  device_blocks()[static_cast<char*>(memory)] = bytes;
  bytes_in_use += bytes;
  {
    const DeviceAccess access;
    std::memset(memory, 0xff, bytes);
  }
  allocation_changed();
  *block = memory;
  return cudaSuccess;
}

cudaError_t cudaFree(void* block) {
  if (block == nullptr) return broken();
  finish_all();
  const auto at = device_blocks().find(static_cast<char*>(block));
  if (at == device_blocks().end()) return set_error(cudaErrorInvalidValue);
  bytes_in_use -= at->second;
  if (kAddressSanitizer)
    std::free(block);
  else
    madvise(block, pages(at->second), MADV_DONTNEED);  // the address stays unused
  device_blocks().erase(at);
  allocation_changed();
  return broken();
}

cudaError_t cudaMallocHost(void** block, std::size_t bytes) {
  if (broken() != cudaSuccess) return broken();
  if (bytes > device_bytes()) return set_error(cudaErrorMemoryAllocation);  // pinned memory is limited, too
  *block = std::malloc(bytes);
  if (*block == nullptr) return set_error(cudaErrorMemoryAllocation);
  std::memset(*block, 0xff, bytes);
  pinned_blocks()[static_cast<char*>(*block)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* block) {
  finish_all();
  if (block != nullptr && pinned_blocks().erase(static_cast<char*>(block)) == 0)
    return set_error(cudaErrorInvalidValue);
  std::free(block);
  allocation_changed();
  return broken();
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = device_bytes();
  *free = device_bytes() - bytes_in_use;
  return broken();
}

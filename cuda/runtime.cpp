#include "cuda/runtime.h"

#include <cstdlib>
#include <mutex>

#include "cuda/context.h"
#include "tensor/check.h"
#include "tensor/device.h"

namespace medusa::cuda {

namespace {

constexpr std::int64_t kMostBlocks = std::int64_t{1} << 20;

struct State {
  std::once_flag started;
  int device = 0;
  cudaStream_t stream = nullptr;
  std::int64_t most_blocks = kMostBlocks;
  Variants variants;
  Counters counters;
};
State& state() {
  static State& s = *new State;  // never destroyed: tensors in static variables may outlive everything else
  return s;
}

[[noreturn]] void fail_to_start(cudaError_t error) {
  int driver = 0, runtime = 0;
  const bool known = cudaDriverGetVersion(&driver) == cudaSuccess && cudaRuntimeGetVersion(&runtime) == cudaSuccess;
  (void)cudaGetLastError();
  MEDUSA_CHECK(!known || driver != 0, "cuda: this machine has no NVIDIA driver");
  MEDUSA_CHECK(error != cudaErrorInsufficientDriver,
               "cuda: the NVIDIA driver supports at most CUDA {}.{}, this program needs {}.{}; update the driver",
               driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  fail("cuda: no GPU was found ({})", cudaGetErrorString(error));
}

void start() {
  State& s = state();
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0) fail_to_start(error);
  MEDUSA_CHECK(s.device >= 0 && s.device < devices, "cuda: device {} requested, this machine has 0..{}", s.device,
               devices - 1);
  check(cudaSetDevice(s.device), "choosing the device");
  check(cudaStreamCreateWithFlags(&s.stream, cudaStreamNonBlocking), "creating a stream");
  at_exit([] { (void)cudaStreamDestroy(state().stream); });
  at_exit([] { release_cached_memory(Device::CUDA); });
}

void ensure_started() { std::call_once(state().started, start); }

}  // namespace

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  (void)cudaGetLastError();  // clears the error, which is reported here
  fail("cuda: {}: {} ({})", what, cudaGetErrorString(error), cudaGetErrorName(error));
}

void check_blocks(const char* kernel, std::int64_t blocks) {
  MEDUSA_CHECK(blocks < (std::int64_t{1} << 31), "{}: {} blocks are more than a GPU can run", kernel, blocks);
}

std::int64_t most_blocks() { return state().most_blocks; }
void limit_blocks(std::int64_t most) { state().most_blocks = most > 0 ? most : kMostBlocks; }

Variants variants() { return state().variants; }
void force_variants(Variants which) { state().variants = which; }

cudaStream_t stream() {
  ensure_started();
  return state().stream;
}
Counters& count() { return state().counters; }
Counters counters() { return state().counters; }
void at_exit(void (*clean_up)()) { std::atexit(clean_up); }

int device_count() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) == cudaSuccess) return devices;
  (void)cudaGetLastError();
  return 0;
}

void use_device(int index) {
  MEDUSA_CHECK(state().stream == nullptr || state().device == index, "cuda: device {} is in use already",
               state().device);
  state().device = index;
  ensure_started();
}

std::string device_text() {
  ensure_started();
  cudaDeviceProp p;
  check(cudaGetDeviceProperties(&p, state().device), "asking for the device's properties");
  return fmt::format("{} ({}.{}, {} multiprocessors, {:.1f} GiB)", p.name, p.major, p.minor, p.multiProcessorCount,
                     static_cast<double>(p.totalGlobalMem) / (1 << 30));
}

void synchronize() {
  ++count().synchronisations;
  check(cudaStreamSynchronize(stream()), "running a kernel");
}

// ---- for tensor/memory.cpp and tensor/tensor.cpp: declared in tensor/device.h --------------------------------------

void* system_allocate(std::size_t bytes) {
  ensure_started();
  void* block = nullptr;
  const cudaError_t error = cudaMalloc(&block, bytes);
  if (error == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    return nullptr;
  }
  check(error, "allocating memory");
  ++count().allocations;
  count().allocated_bytes += static_cast<std::int64_t>(bytes);
  return block;
}

void system_free(void* block) noexcept {
  if (cudaFree(block) != cudaSuccess) (void)cudaGetLastError();  // at exit the driver may be gone: nothing to be done
}

std::string memory_text() {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  return fmt::format("; the GPU has {} MiB free of {} MiB", free >> 20, total >> 20);
}

void copy(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes) {
  if (bytes == 0) return;
  const bool both = to_device == from_device, down = to_device == Device::CPU;
  const cudaMemcpyKind kind = both ? cudaMemcpyDeviceToDevice : down ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice;
  check(cudaMemcpyAsync(to, from, bytes, kind, stream()), "copying");
  if (both) return;
  ++count().copies;
  // The host's memory is pageable: an upload has read it when the call returns, after a download we wait.
  if (down) synchronize();
}

}  // namespace medusa::cuda

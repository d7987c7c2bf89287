// Launching a grid, and what the device says about itself.
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>

#include "cuda/sim/internal.h"

namespace sim {

namespace {

cudaError_t check_shape(dim3 grid, dim3 block, std::size_t shared_bytes) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  const bool block_fits = threads >= 1 && threads <= 1024 && block.x <= 1024 && block.y <= 1024 && block.z <= 64;
  const bool grid_fits =
      grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 2147483647u && grid.y <= 65535 && grid.z <= 65535;
  if (!block_fits || !grid_fits) return cudaErrorInvalidConfiguration;
  return shared_bytes == 0 ? cudaSuccess : cudaErrorInvalidValue;  // __shared__ arrays of fixed size are enough for us
}

// Block i of the order is block (i * stride + offset) mod n: every block once, since stride and n have no common
// factor.
void run_grid(const KernelCall& kernel, dim3 grid, dim3 block) {
  const std::uint64_t n = std::uint64_t{grid.x} * grid.y * grid.z;
  std::uint64_t stride = 1, offset = 0;
  if (random_order() && n > 1) {
    offset = random_below(n);
    do stride = 1 + random_below(n);
    while (std::gcd(stride, n) != 1);
  }
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::uint64_t>((static_cast<__uint128_t>(i) * stride + offset) % n);
    const uint3 index{static_cast<unsigned>(k % grid.x), static_cast<unsigned>(k / grid.x % grid.y),
                      static_cast<unsigned>(k / grid.x / grid.y)};
    run_block(kernel, grid, block, index, i == 0);
    if (!block_failure().empty()) return break_device(block_failure());
  }
}

}  // namespace

cudaError_t launch(KernelCall kernel, dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream) {
  const std::shared_ptr<void> arguments(kernel.arguments, kernel.destroy);
  if (broken() != cudaSuccess) return broken();
  const cudaError_t error = check_shape(grid, block, shared_bytes);
  if (error != cudaSuccess) return set_error(error);
  enqueue(stream, [=] { run_grid({kernel.call, kernel.destroy, arguments.get(), kernel.bytes}, grid, block); });
  return broken();
}

#if !defined(MEDUSA_SIM_CHECK)
void check_access(const void*, std::size_t, bool, bool, const void*) {}
void allocation_changed() {}
#endif

}  // namespace sim

using namespace sim;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return broken();
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? broken() : set_error(cudaErrorInvalidDevice); }
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return broken();
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return set_error(cudaErrorInvalidDevice);
  std::memset(properties, 0, sizeof *properties);
  std::snprintf(properties->name, sizeof properties->name, "simulated device");
  properties->totalGlobalMem = std::size_t{8} << 30;
  properties->major = 7;
  properties->minor = 5;
  properties->multiProcessorCount = 4;
  return broken();
}

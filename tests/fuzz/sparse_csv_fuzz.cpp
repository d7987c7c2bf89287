// libFuzzer entry: any bytes read as a sparse CSV give a volume with distinct indices within bounds, or an InputError
// of one line; a mask written again reads back the same.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/formats/sparse_csv.h"
#include "tensor/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  constexpr std::int64_t kVoxels = 4096;
  try {
    const auto volume = datasets::parse_sparse_csv({reinterpret_cast<const char*>(data), size}, "input", kVoxels);
    if (!volume.value.empty() && volume.value.size() != volume.index.size()) __builtin_trap();
    std::vector<std::uint8_t> where(kVoxels, 0);
    for (std::int32_t i : volume.index) {
      if (i < 0 || i >= kVoxels || where[static_cast<std::size_t>(i)] != 0) __builtin_trap();
      where[static_cast<std::size_t>(i)] = 1;
    }
    for (float v : volume.value)
      if (!std::isfinite(v)) __builtin_trap();
    auto sorted = volume.index;
    std::sort(sorted.begin(), sorted.end());
    if (datasets::parse_sparse_csv(datasets::sparse_csv_mask(where), "again", kVoxels).index != sorted)
      __builtin_trap();
  } catch (const InputError& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) __builtin_trap();
  }
  return 0;
}

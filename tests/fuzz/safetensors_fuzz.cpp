// libFuzzer entry: any bytes read as a safetensors file give values or an InputError, never anything else.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>

#include "nn/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  try {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    const nn::SafetensorsReader file(std::make_unique<std::istringstream>(bytes), "input");
    for (const auto& [name, entry] : file.entries()) {
      const std::vector<real> values = file.values(name);
      // A reader that accepts a file must have found exactly the values that its shape promises.
      if (static_cast<std::int64_t>(values.size()) != entry.numel || entry.end > size) __builtin_trap();
      if (entry.shape.size() <= Shape::kMaxRank && file.tensor(name).numel() != entry.numel) __builtin_trap();
    }
  } catch (const InputError&) {
  }
  return 0;
}

// Where a tensor's memory lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace medusa {

enum class Device : std::uint8_t { CPU, CUDA };

inline const char* name(Device device) { return device == Device::CPU ? "cpu" : "cuda"; }

// What memory and tensors need of a device besides its kernels; see cuda/runtime.h.
namespace cuda {
void* system_allocate(std::size_t bytes);  // null where there is none left
void system_free(void* block) noexcept;
std::string memory_text();  // what is free, for an error message
void copy(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes);
}  // namespace cuda

}  // namespace medusa

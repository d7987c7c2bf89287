// The number types that voxels have in files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace medusa::datasets {

enum class ScalarType { Int8, UInt8, Int16, UInt16, Int32, UInt32, Int64, UInt64, Float32, Float64 };

std::string name(ScalarType type);  // "int16", as numpy names it
// An unknown name throws InputError that lists the known ones.
ScalarType scalar_type(const std::string& name);
std::size_t bytes_of(ScalarType type);  // 1, 2, 4 or 8
bool is_integer(ScalarType type);
// The whole numbers that an integer type can hold, as doubles (for 64 bits the largest double within the range).
double lowest(ScalarType type);
double highest(ScalarType type);

// Calls f(T{}) with the C++ type of `type`.
template <class F>
decltype(auto) with_type(ScalarType type, F&& f) {
  switch (type) {
    case ScalarType::Int8: return f(std::int8_t{});
    case ScalarType::UInt8: return f(std::uint8_t{});
    case ScalarType::Int16: return f(std::int16_t{});
    case ScalarType::UInt16: return f(std::uint16_t{});
    case ScalarType::Int32: return f(std::int32_t{});
    case ScalarType::UInt32: return f(std::uint32_t{});
    case ScalarType::Int64: return f(std::int64_t{});
    case ScalarType::UInt64: return f(std::uint64_t{});
    case ScalarType::Float32: return f(float{});
    case ScalarType::Float64: break;
  }
  return f(double{});
}

}  // namespace medusa::datasets

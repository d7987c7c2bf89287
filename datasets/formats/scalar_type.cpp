#include "datasets/formats/scalar_type.h"

#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr const char* kNames[] = {"int8",   "uint8", "int16",  "uint16",  "int32",
                                  "uint32", "int64", "uint64", "float32", "float64"};

}  // namespace

std::string name(ScalarType type) { return kNames[static_cast<int>(type)]; }

ScalarType scalar_type(const std::string& name) {
  for (int i = 0; i < 10; ++i)
    if (name == kNames[i]) return static_cast<ScalarType>(i);
  fail_input("type {}: expected one of {}", name, fmt::join(kNames, ", "));
}

std::size_t bytes_of(ScalarType type) {
  return with_type(type, [](auto zero) { return sizeof(zero); });
}

bool is_integer(ScalarType type) {
  return with_type(type, [](auto zero) { return std::is_integral_v<decltype(zero)>; });
}

double lowest(ScalarType type) {
  return with_type(type, [](auto zero) { return static_cast<double>(std::numeric_limits<decltype(zero)>::lowest()); });
}

double highest(ScalarType type) {
  return with_type(type, [](auto zero) {
    using T = decltype(zero);
    const double most = static_cast<double>(std::numeric_limits<T>::max());  // of 64 bits: rounded up to 2^63 or 2^64
    return std::is_integral_v<T> && sizeof(T) == 8 ? std::nextafter(most, 0.0) : most;
  });
}

}  // namespace medusa::datasets

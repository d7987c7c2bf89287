// This machine's peak rates: multiply-adds per second out of registers, bytes per second through memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace medusa::tools {

// Times of one measurement in seconds.
struct Timing {
  double median = 0, least = 0, most = 0;
  std::int64_t repeats = 0;
};
// Calls `body` twice unmeasured, then for about `seconds`, at least 5 times.
Timing measure(double seconds, const std::function<void()>& body);
double median(std::vector<double> values);

// Floating-point operations per second of independent vector multiply-adds (2 operations per element) on all threads
// of parallel_for, with the vectors of the instruction set in use.
double fma_peak(double seconds);

// Bytes per second that a copy of `bytes` bytes moves, reads and writes both counted, on all threads of parallel_for.
double copy_bandwidth(std::int64_t bytes, double seconds);

// A device's peak rates through the library's own calls, per second.
struct Roofline {
  double copy = 0;     // bytes of a copy within its memory, reads and writes both counted
  double upload = 0;   // bytes of a copy from the host
  double product = 0;  // floating-point operations of a product of square matrices
};
// With tensors of `bytes` bytes and matrices of side x side.
Roofline roofline(Device device, std::int64_t bytes, std::int64_t side, double seconds);

}  // namespace medusa::tools

// What this machine can do at most: multiply-adds per second out of registers, bytes per second through memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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

}  // namespace medusa::tools

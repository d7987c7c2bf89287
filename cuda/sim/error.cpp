// Error states, as CUDA keeps them, and the report at the end of the program.
#include <cstdio>
#include <cstdlib>

#include "cuda/sim/internal.h"

namespace sim {

namespace {

cudaError_t last = cudaSuccess, device_error = cudaSuccess;

void report_at_exit() {
  if (last != cudaSuccess && device_error == cudaSuccess)
    report(std::string("at exit: ") + cudaGetErrorName(last) + " was never looked at");
  if (device_error != cudaSuccess) return;  // nothing could be cleaned up after that
  report_unfinished();
  report_leaks();
}

}  // namespace

void report(const std::string& text) { std::fprintf(stderr, "sim: %s\n", text.c_str()); }

cudaError_t set_error(cudaError_t error) {
  if (error == cudaSuccess) return error;
  if (last != cudaSuccess && device_error == cudaSuccess)
    report(std::string(cudaGetErrorName(error)) + " overwrites " + cudaGetErrorName(last) +
           ", which was never looked at");
  return last = error;
}

void break_device(const std::string& text) {
  report(text);
  last = device_error = cudaErrorLaunchFailure;
}

cudaError_t broken() {
  static const int registered = std::atexit(report_at_exit);  // with the first call: runs after the program's own
  (void)registered;
  return device_error;
}

}  // namespace sim

cudaError_t cudaGetLastError() {
  const cudaError_t error = sim::last;
  sim::last = sim::device_error;
  return error;
}
cudaError_t cudaPeekAtLastError() { return sim::last; }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration: return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidMemcpyDirection: return "cudaErrorInvalidMemcpyDirection";
    case cudaErrorInsufficientDriver: return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice: return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
  }
  return "unknown error";
}
const char* cudaGetErrorString(cudaError_t error) { return cudaGetErrorName(error); }

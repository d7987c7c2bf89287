// The options --device and --tf32 of the programs.
#pragma once

#include <string>

#include "cuda/runtime.h"
#include "tensor/device.h"
#include "tools/cli/cli.h"

namespace medusa::tools {

// Where a program computes.
struct DeviceChoice {
  std::string device = "cpu";  // cpu | cuda | cuda:k
  bool tf32 = false;           // a GPU's matrix products with 10 bits of mantissa
  void declare(Options& o);
};

// Adds --device and --tf32.
void device_options(CommandLine& command, DeviceChoice& choice);
// Makes that device ready.  Throws InputError if the text does not name a device, Error with the reason if this build
// or this machine has no such device.
Device open_device(const DeviceChoice& choice);

// Waits until a GPU has finished its work; a CPU has.
void wait_for(Device device);
// All zeros on a CPU.
cuda::Counters counters_of(Device device);
// "NVIDIA H100 (9.0, ...)", or the CPU's instruction set and threads.
std::string device_text(Device device);

}  // namespace medusa::tools

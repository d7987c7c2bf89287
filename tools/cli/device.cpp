#include "tools/cli/device.h"

#include <charconv>

#include "tensor/check.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace medusa::tools {

void DeviceChoice::declare(Options& o) {
  o.add("device", device, "where to compute: cpu, cuda or cuda:k, the k-th GPU, counted from 0").no_effect();
  o.add("tf32", tf32,
        "let a GPU round the factors of its matrix products to TensorFloat-32: faster, 3 digits; no effect on a CPU")
      .no_effect();
}

void device_options(CommandLine& command, DeviceChoice& choice) {
  Options rows;
  choice.declare(rows);
  command.add(rows);
}

Device open_device(const DeviceChoice& choice) {
  const std::string& text = choice.device;
  if (text == "cpu") return Device::CPU;
  int index = 0;
  bool known = text == "cuda";
  if (text.starts_with("cuda:")) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + 5, end, index);
    known = error == std::errc() && at == end && index >= 0;
  }
  MEDUSA_CHECK_INPUT(known, "--device {}: expected cpu, cuda or cuda:k", text);
#if defined(MEDUSA_HAVE_CUDA)
  cuda::use_device(index);
  cuda::allow_tf32(choice.tf32);
  return Device::CUDA;
#else
  fail("--device {}: this program was built without CUDA; `make cuda` builds one with it", text);
#endif
}

#if defined(MEDUSA_HAVE_CUDA)
void wait_for(Device device) {
  if (device == Device::CUDA) cuda::synchronize();
}
cuda::Counters counters_of(Device device) { return device == Device::CUDA ? cuda::counters() : cuda::Counters{}; }
#else
void wait_for(Device) {}
cuda::Counters counters_of(Device) { return {}; }
#endif

std::string device_text(Device device) {
#if defined(MEDUSA_HAVE_CUDA)
  if (device == Device::CUDA) return cuda::device_text();
#endif
  return fmt::format("{} of {}, {} thread(s)", name(device), name(isa()), threads());
}

}  // namespace medusa::tools

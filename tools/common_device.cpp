#include "tools/common_device.h"

#include <charconv>

#include "cuda/runtime.h"
#include "tensor/check.h"

namespace medusa::tools {

void device_option(CommandLine& command, std::string& text) {
  command.option("--device", text, "where to compute: cpu, cuda or cuda:k, the k-th GPU, counted from 0");
}

Device open_device(const std::string& text) {
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
  return Device::CUDA;
#else
  fail("--device {}: this program was built without CUDA; `make cuda` builds one with it", text);
#endif
}

}  // namespace medusa::tools

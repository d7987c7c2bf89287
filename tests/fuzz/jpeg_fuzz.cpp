// libFuzzer entry: any bytes read as a JPEG give a grey or RGB picture of the promised size or an InputError.
#include <cstddef>
#include <cstdint>

#include "datasets/images/image.h"
#include "tensor/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  try {
    const datasets::Image image = datasets::decode_jpeg({data, size}, "input");
    if (image.width < 1 || image.height < 1 || (image.channels != 1 && image.channels != 3)) __builtin_trap();
    if (image.pixels.size() != static_cast<std::size_t>(image.width * image.height * image.channels)) __builtin_trap();
  } catch (const InputError&) {
  }
  return 0;
}

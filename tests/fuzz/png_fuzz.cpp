// libFuzzer entry: any bytes read as a PNG give a picture of the promised size or an InputError.
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/images/image.h"
#include "tensor/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  try {
    const datasets::Image image = datasets::decode_png({data, size}, "input");
    const auto values = static_cast<std::size_t>(image.width * image.height * image.channels);
    if (image.width < 1 || image.height < 1 || image.channels < 1 || image.channels > 4) __builtin_trap();
    if (image.pixels.size() != values) __builtin_trap();
    if (!image.pixels16.empty() && image.pixels16.size() != values) __builtin_trap();
    if (values > (std::size_t{1} << 20)) return 0;  // what follows is the same for large ones, but slow
    const std::string written = datasets::encode_png(image);
    const auto* bytes = reinterpret_cast<const unsigned char*>(written.data());
    const datasets::Image again = datasets::decode_png({bytes, written.size()}, "again");
    if (again.pixels != image.pixels || again.pixels16 != image.pixels16) __builtin_trap();
    datasets::resize(datasets::to_rgb(image), 5, 3);
    datasets::to_grey(image);
  } catch (const InputError&) {
  }
  return 0;
}

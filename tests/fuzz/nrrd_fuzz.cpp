// libFuzzer entry: any bytes read as an NRRD give a volume of finite geometry or an InputError.
#include <cstddef>
#include <cstdint>

#include "datasets/formats/nrrd.h"
#include "tests/fuzz/volume_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  const std::span<const unsigned char> bytes(data, size);
  test::check_volume([&] { return datasets::decode_nrrd(bytes, bytes.subspan(size / 2), "input"); });
  return 0;
}

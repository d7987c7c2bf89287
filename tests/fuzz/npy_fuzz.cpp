// libFuzzer entry: any bytes read as an .npy or .npz give arrays of the promised sizes or an InputError.
#include <cstddef>
#include <cstdint>

#include "datasets/formats/npy.h"
#include "tests/fuzz/volume_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  const std::span<const unsigned char> bytes(data, size);
  test::check_volume([&] { return datasets::volume_of(datasets::decode_npy(bytes, "input"), "input"); });
  test::check_volume([&] { return datasets::volume_of(datasets::decode_npz(bytes, "input"), "input"); });
  return 0;
}

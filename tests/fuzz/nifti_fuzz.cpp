// libFuzzer entry: any bytes read as a NIfTI file give a volume of finite geometry or an InputError.  The bytes serve
// as a single file, and the second half as the voxels of a pair.
#include <cstddef>
#include <cstdint>

#include "datasets/formats/nifti.h"
#include "tests/fuzz/volume_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  const std::span<const unsigned char> bytes(data, size);
  datasets::looks_like_nifti(bytes);
  test::check_volume([&] { return datasets::decode_nifti(bytes, bytes.subspan(size / 2), "input"); });
  return 0;
}

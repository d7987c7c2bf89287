// What must be true of a volume, whatever file it came from.
#pragma once

#include "datasets/volumes/volume.h"
#include "tensor/check.h"

namespace medusa::test {

template <class Read>
void check_volume(Read&& read) {
  try {
    const datasets::Volume volume = read();
    if (volume.values.rank() != 4 || volume.values.numel() < 1 || !volume.affine.finite()) __builtin_trap();
    if (volume.file_orientation != datasets::orientation(volume.affine)) __builtin_trap();
    if (volume.rounded > volume.values.numel()) __builtin_trap();
    if (volume.file_orientation.find('?') != std::string::npos) return;
    const datasets::Volume ras = datasets::to_ras(volume);
    if (datasets::orientation(ras.affine) != "RAS") __builtin_trap();
    const datasets::Volume back = datasets::to_file_orientation(ras);
    if (!(back.values.shape() == volume.values.shape())) __builtin_trap();
  } catch (const InputError&) {
  }
}

}  // namespace medusa::test

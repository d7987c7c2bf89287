// Weights in the form in which a kernel reads them, kept from one call to the next: the kernel's side.  Their owner is
// WeightCache in weight_cache.h.
#pragma once

#include <cstdint>

#include "tensor/real.h"

namespace medusa {

struct PackedWeights {
  real* block = nullptr;
  std::int64_t numel = 0;
  std::int64_t form = 0;  // how the kernel laid out the block; 0: it is not filled
};

// The block of `place`, with room for `numel` numbers.  What a kernel finds there is good where place->form is the form
// that it wants; otherwise it fills the block, then writes the form.
real* packed_block(PackedWeights* place, std::int64_t numel);

}  // namespace medusa

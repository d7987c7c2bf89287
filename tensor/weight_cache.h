// Weights in the form that a kernel reads them, kept from one prediction to the next.
//
// Winograd's convolution transforms its kernel first: 16 or 36 numbers for every 9.  In a training step that is little
// beside the batch; in the prediction of one image by deep layers, 512 to 512 channels at 8 x 8 pixels, it costs more
// than the convolution.  A caller that knows that the weights are those of the previous call lends the kernel a place
// for them.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace medusa {

struct WeightCache {
  Tensor block;
  std::int64_t form = 0;  // how the kernel that filled the block laid it out; 0: not filled yet
};

// Lends `place` to kernels that this thread calls, for as long as it lives.
class LendWeightCache {
 public:
  explicit LendWeightCache(WeightCache* place);
  ~LendWeightCache();
  LendWeightCache(const LendWeightCache&) = delete;
  LendWeightCache& operator=(const LendWeightCache&) = delete;
};

// For kernels: `count` numbers of the place lent to this thread, null where there is none.  `fresh`: they must be
// filled (also where there is none, in the kernel's own memory).
real* cached_weights(std::int64_t count, std::int64_t form, bool* fresh);

}  // namespace medusa

#include "mtl/networks/encoder.h"

namespace medusa::mtl {

void Encoder::check_input(const Shape& x) const {
  MEDUSA_CHECK(x.rank() == spatial_dims_ + 2 && x[-1] == in_channels_, "encoder: expects [N, {}, {}], input is {}",
               spatial_dims_ == 2 ? "H, W" : "D, H, W", in_channels_, x);
  for (int axis = 1; axis <= spatial_dims_; ++axis)
    MEDUSA_CHECK(x[axis] > 0 && x[axis] % multiple_ == 0,
                 "encoder: {} levels need sides that are multiples of {}, input is {}", levels_, multiple_, x);
}

Features Encoder::features(const Var& x) {
  check_input(x.shape());
  return compute(x);
}

}  // namespace medusa::mtl

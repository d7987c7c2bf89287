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
  Features f;
  for (std::size_t j = 0; j < levels_; ++j) {
    const Level made = level(j, j == 0 ? x : f.p.back());
    f.u.push_back(made.u);
    f.p.push_back(made.p);
  }
  return f;
}

Level Encoder::level(std::size_t j, const Var& x) {
  MEDUSA_CHECK(j < levels_, "encoder: level {} of {}", j, levels_);
  if (j == 0) check_input(x.shape());
  return compute(j, x);
}

}  // namespace medusa::mtl

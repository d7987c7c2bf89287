// Images of any size through a network whose sides must be multiples of a power of two.
#pragma once

#include <vector>

#include "mtl/networks/model.h"

namespace medusa::mtl {

// How an axis of `side` pixels is put into a frame: so many zeros before it, and the frame's length, the next multiple.
struct Frame {
  std::int64_t before, side;
};
Frame frame_of(std::int64_t side, std::int64_t multiple);

// Per task the raw outputs of Model::outputs(), for x [N, S, C] of any size S: x is put into the middle of a frame of
// zeros (the mean colour of normalised images) whose sides are the next multiples of model.size_multiple(), and
// pixel-level outputs are cut back to S.  Nothing is copied where S fits already.
std::vector<Var> outputs_any_size(Model& model, const Var& x);

}  // namespace medusa::mtl

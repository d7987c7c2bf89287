// Images of any size for a network that takes only sides that are multiples of a power of two.
#pragma once

#include <vector>

#include "mtl/networks/model.h"

namespace medusa::mtl {

// How an axis of `side` pixels fits into a frame: the zeros before it, and the frame's length, the next multiple.
struct Frame {
  std::int64_t before, side;
};
Frame frame_of(std::int64_t side, std::int64_t multiple);

// Per task the raw outputs of Model::outputs(), for x [N, S, C] of any size S.  x is centred in a frame of zeros (the
// mean colour of normalised images) whose sides are the next multiples of model.size_multiple(); pixel-level outputs
// are cropped back to S.  Nothing is copied if S already fits.
std::vector<Var> outputs_any_size(Model& model, const Var& x);

}  // namespace medusa::mtl

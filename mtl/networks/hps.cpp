#include "mtl/networks/hps.h"

namespace medusa::mtl {

//   x --> encoder --p--> (decoder_t) --> head_t --> y_t            for every task t
std::vector<Var> HPS::outputs(const Var& x) {
  const Features f = encoder_.features(x);
  return branch_outputs(std::vector<std::vector<Var>>(tasks().size(), f.p));
}

}  // namespace medusa::mtl

// A loss of a program's own: Tversky's, a Dice that can weigh misses more than false alarms (Salehi, Erdogmus,
// Gholipour, "Tversky loss function for image segmentation", 2017).
#include "mtl/losses.h"
#include "mtl/medusa.h"
#include "tools/cli/programs.h"

namespace my {

using namespace medusa;

constexpr real kMissed = real(0.7), kMadeUp = real(0.3), kSmooth = real(1e-5);

// For outlines of one structure, a logit per pixel.
bool fits(const mtl::Task& task) { return task.traits().pixel_level && !task.traits().in_units && task.channels == 1; }

// 1 - TP / (TP + a FN + b FP), over the whole batch; with a mask, inside it  (eq. 3)
Var tversky(const mtl::LossInput& in) {
  const Var p = sigmoid(in.y), t = in.target;
  const Var counts = in.mask ? in.mask : Tensor::ones(in.target.shape(), in.y.device());
  const Var hit = sum(p * t * counts);
  const Var missed = sum(t * counts) - hit, made_up = sum(p * counts) - hit;
  return -(hit + kSmooth) / (hit + missed * kMissed + made_up * kMadeUp + kSmooth) + 1;
}

}  // namespace my

// tversky train --loss lesion=tversky ..., or a sum with the library's own: lesion=tversky+0.5*bce
int main(int argc, char** argv) {
  medusa::mtl::add_loss({"tversky", "1 - Tversky's index, misses weigh 0.7", my::fits, my::tversky});
  return medusa::tools::program_main(argc, argv);
}

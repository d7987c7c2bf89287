// Ensemble: the mean of what several networks say, and of what each says about flipped images, as one network.
//
// Per task, over M members and V views of the image (a view v flips it, v^-1 flips the answer back):
//   p = 1 / (M V) sum_m sum_v  v^-1( p_m( v(x) ) )
// p is softmax or sigmoid of a member's logits; of amounts (regression, scalar) the amount itself.  Members:
// Lakshminarayanan, Pritzel, Blundell, "Simple and scalable predictive uncertainty estimation using deep ensembles",
// NeurIPS 2017, section 2.4.  Views: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional
// neural networks", NIPS 2012, section 4.1.
//
// outputs() hands on logits of p, log p for classes that exclude each other and log(p / (1 - p)) else, so whatever
// takes a network takes an ensemble: windows, metrics, losses, thresholds.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "mtl/networks/model.h"

namespace medusa::mtl {

// The views of an image [N, S, C]: every combination of these axes reversed, the image as it is among them.
struct Flips {
  using Pairs = std::vector<std::array<std::size_t, 2>>;  // of channels; no channel is in two of them
  std::vector<int> axes = {};                             // of S, 0 is the first; none: the image as it is, alone
  int left_right = -1;  // the one of them at whose reversal a left and a right structure change places; -1: none
  Pairs inputs = {};    // channels of x that change places then
  std::vector<Pairs> outputs = {};  // by task, of pixel-level ones; shorter than the tasks: none of the others

  std::size_t views() const { return std::size_t{1} << axes.size(); }
};

class Ensemble : public Model {
 public:
  // config() is the first member's; all are in evaluation mode.  Throws InputError if there is no member, if one is
  // `unlike` the first, or if `flips` does not fit.
  explicit Ensemble(std::vector<std::unique_ptr<Model>> members, Flips flips = {});

  // x [N, S, in_channels] of any size S.  A single member without flips is passed through, bit for bit.  Else members
  // look in turn, and the means are computed on the host in double, of probabilities from e^-700 to 1; a logit that is
  // not finite stays so.  No gradients.
  std::vector<Var> outputs(const Var& x) override;
  // Every member pads for itself, so that it sees what it would see alone.
  std::int64_t size_multiple() const override { return 1; }

  std::size_t members() const { return members_.size(); }
  const Flips& flips() const { return flips_; }

 private:
  std::vector<Model*> members_;
  Flips flips_;
};

// In what `other`, a network, cannot be averaged with one of `first`: "has 1 input channels, expected 3"; "" if it can.
std::string unlike(const ModelConfig& first, const ModelConfig& other);

// x [N, S, C] on the host with those axes of S reversed and those channels exchanged; done twice, it is x again.  With
// nothing to do it is x itself.
Tensor flipped(const Tensor& x, const std::vector<int>& axes, const Flips::Pairs& pairs);

}  // namespace medusa::mtl

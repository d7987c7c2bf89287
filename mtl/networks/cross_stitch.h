// Cross-stitch networks: a network for every task, whose features are mixed after every level of the encoders
// [as published: Misra, Shrivastava, Gupta, Hebert, "Cross-stitch networks for multi-task learning", CVPR 2016].
#pragma once

#include "mtl/networks/task_net.h"
#include "nn/sequential.h"

namespace medusa::mtl {

struct CrossStitchOptions {
  bool per_channel = false;
  void declare(Options& o) {
    o.add("per-channel", per_channel, "crossstitch's matrices: one for every channel of a level instead of one");
  }
};

class CrossStitch : public Model {
 public:
  CrossStitch(const ModelConfig& config, const CrossStitchOptions& options);
  std::vector<Var> outputs(const Var& x) override;
  std::vector<Encoder*> encoders() override;

 private:
  // A_j of one level: from the features of all tasks, each [N, S, C], to as many of the same shape.
  class Stitch : public nn::Module {
   public:
    Stitch(std::int64_t tasks, std::int64_t channels);  // channels: C, or 1: the same for all channels
    std::vector<Var> mix(const std::vector<Var>& f) const;

   private:
    Var a_;  // [T, T, channels]
  };

  // By task, with STL's names, so that a run of STL can be where training starts.  Only decoders and heads belong to
  // their tasks: every encoder feeds every task from level 0 on.
  nn::ModuleDict<TaskNet>& nets_;
  nn::ModuleList<Stitch>& stitches_;  // by level
};

}  // namespace medusa::mtl

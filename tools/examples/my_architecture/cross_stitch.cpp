// An architecture of a program's own, with an option of its own, trained by the library's own program: cross-stitch
// networks (Misra, Shrivastava, Gupta, Hebert, "Cross-stitch networks for multi-task learning", CVPR 2016).  The
// library has the same as `crossstitch`; here it is once more, from outside.
#include "mtl/medusa.h"
#include "tools/cli/programs.h"

namespace my {

using namespace medusa;

// `train` offers it as --cross-stitch-keep and saves it in the run's config.toml.
struct CrossStitchOptions {
  double keep = 0.9;
  void declare(Options& o) {
    o.add("keep", keep, "initial share of a task's own features in the mix, 0 to 1").range(0, 1);
  }
};

// y_t = sum_s alpha_ts x_s   (eq. 1, for any number of tasks); alpha is learned.
class Stitch : public nn::Module {
 public:
  Stitch(std::size_t tasks, int spatial_dims, double keep) : tasks_(tasks) {
    const Shape one(std::vector<std::int64_t>(static_cast<std::size_t>(spatial_dims) + 2, 1));  // [1, .., 1]
    const double share = tasks > 1 ? (1 - keep) / static_cast<double>(tasks - 1) : 0;
    for (std::size_t t = 0; t < tasks; ++t)
      for (std::size_t s = 0; s < tasks; ++s)
        alpha_.push_back(param(fmt::format("alpha_{}_{}", t, s), one, nn::Init::constant(s == t ? keep : share)));
  }

  std::vector<Var> mix(const std::vector<Var>& x) const {
    std::vector<Var> y;
    for (std::size_t t = 0; t < tasks_; ++t) {
      Var sum = x[0] * alpha_[t * tasks_];
      for (std::size_t s = 1; s < tasks_; ++s) sum = sum + x[s] * alpha_[t * tasks_ + s];
      y.push_back(sum);
    }
    return y;
  }

 private:
  std::size_t tasks_;
  std::vector<Var> alpha_;
};

// A network for every task, stitched together after every level of the encoders.
class CrossStitch : public mtl::Model {
 public:
  CrossStitch(const mtl::ModelConfig& config, const CrossStitchOptions& options)
      : Model(config), nets_(per_task<Net>("nets")), stitches_(add<nn::ModuleList<Stitch>>("stitches")) {
    mtl::check_two_tasks(config);
    for (std::size_t t = 0; t < tasks().size(); ++t) nets_.put(t, config, tasks()[t]);
    for (std::size_t j = 0; j < nets_[0].encoder.levels(); ++j)
      stitches_.push(tasks().size(), config.spatial_dims, options.keep);
  }

  //   x_t,j --> encoder_t,j --p--> stitch_j --> x_t,j+1   for every level j;   (decoder_t) --> head_t --> y_t
  std::vector<Var> outputs(const Var& x) override {
    std::vector<Var> now(tasks().size(), x);
    std::vector<std::vector<Var>> levels(tasks().size());
    for (std::size_t j = 0; j < stitches_.size(); ++j) {
      for (std::size_t t = 0; t < now.size(); ++t) now[t] = nets_[t].encoder.level(j, now[t]).p;
      now = stitches_[j].mix(now);
      for (std::size_t t = 0; t < now.size(); ++t) levels[t].push_back(now[t]);
    }
    std::vector<Var> y;
    for (std::size_t t = 0; t < now.size(); ++t) y.push_back(mtl::predict(nets_[t].decoder, nets_[t].head, levels[t]));
    return y;
  }

  std::vector<mtl::Encoder*> encoders() override {
    std::vector<mtl::Encoder*> all;
    for (std::size_t t = 0; t < tasks().size(); ++t) all.push_back(&nets_[t].encoder);
    return all;
  }

 private:
  struct Net : nn::Module {
    Net(const mtl::ModelConfig& config, const mtl::Task& task)
        : encoder(add("encoder", mtl::make_encoder(config))),
          decoder(task.traits().pixel_level ? &add<mtl::Decoder>("decoder", config.spatial_dims, backbone_of(config))
                                            : nullptr),
          head(add("head", make_head(config.spatial_dims, backbone_of(config), task))) {}
    mtl::Encoder& encoder;
    mtl::Decoder* decoder;  // image-level tasks have none
    nn::Module& head;
  };

  mtl::PerTask<Net>& nets_;
  nn::ModuleList<Stitch>& stitches_;
};

}  // namespace my

// cross_stitch train --arch cross-stitch ...; evaluate and predict read such a run in the same way.
int main(int argc, char** argv) {
  using namespace medusa;
  mtl::register_architecture(mtl::architecture<my::CrossStitch, my::CrossStitchOptions>(
      "cross-stitch", "a network for every task, their features mixed after every level"));
  return tools::program_main(argc, argv);
}

#include "mtl/networks/cross_stitch.h"

#include "mtl/networks/shared_model.h"

namespace medusa::mtl {

CrossStitch::CrossStitch(const ModelConfig& config, const CrossStitchOptions& options)
    : Model(config), nets_(add<nn::ModuleDict<TaskNet>>("nets")), stitches_(add<nn::ModuleList<Stitch>>("stitches")) {
  check_two_tasks(config);
  for (std::size_t t = 0; t < tasks().size(); ++t)
    nets_.put(tasks()[t].name, config, tasks()[t]).own_branch(static_cast<int>(t));
  for (std::int64_t channels : backbone_of(config).channels)
    stitches_.push(static_cast<std::int64_t>(tasks().size()), options.per_channel ? channels : 1);
}

// At the start a task's features are nine tenths its own; the others share the last tenth  [0.9 as published].
CrossStitch::Stitch::Stitch(std::int64_t tasks, std::int64_t channels)
    : a_(param("a", {tasks, tasks, channels}, nn::Init::diagonal(0.9, 0.1 / static_cast<double>(tasks - 1)))) {}

//   f_t' = sum_s A[t,s] f_s                                        for every task t  [eq. 1, for any number of tasks]
std::vector<Var> CrossStitch::Stitch::mix(const std::vector<Var>& f) const {
  Shape one(std::vector<std::int64_t>(static_cast<std::size_t>(f[0].rank()), 1));  // [1, .., 1, channels]
  one[-1] = a_.size(-1);
  std::vector<Var> mixed(f.size());
  for (std::size_t t = 0; t < f.size(); ++t)
    for (std::size_t s = 0; s < f.size(); ++s) {
      const Var row = slice(a_, 0, static_cast<std::int64_t>(t), 1);
      const Var part = f[s] * reshape(slice(row, 1, static_cast<std::int64_t>(s), 1), one);
      mixed[t] = s == 0 ? part : mixed[t] + part;
    }
  return mixed;
}

//   f_t --> encoder_t,j --p_t--> A_j of all tasks --f_t--> encoder_t,j+1      for every level j, f_t = x before level 0
//   f_t of all levels --> (decoder_t) --> head_t --> y_t                      for every task t
std::vector<Var> CrossStitch::outputs(const Var& x) {
  const std::size_t T = tasks().size();
  std::vector<std::vector<Var>> levels(T);
  std::vector<Var> f(T, x);
  for (std::size_t j = 0; j < stitches_.size(); ++j) {
    std::vector<Var> p;
    for (std::size_t t = 0; t < T; ++t) p.push_back(nets_[tasks()[t].name].encoder.level(j, f[t]).p);
    f = stitches_[j].mix(p);
    for (std::size_t t = 0; t < T; ++t) levels[t].push_back(f[t]);
  }
  std::vector<Var> y;
  for (std::size_t t = 0; t < T; ++t) y.push_back(nets_[tasks()[t].name].branch(levels[t]));
  return y;
}

std::vector<Encoder*> CrossStitch::encoders() {
  std::vector<Encoder*> all;
  for (const Task& task : tasks()) all.push_back(&nets_[task.name].encoder);
  return all;
}

}  // namespace medusa::mtl

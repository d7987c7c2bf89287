#include "mtl/networks/padnet.h"

namespace medusa::mtl {

namespace {

constexpr bool kNoBias = false;

}  // namespace

PadNet::Message::Message(int spatial_dims, std::int64_t channels)
    : attention_(add<nn::Conv>("attention", spatial_dims, channels, channels, 3, ConvOptions::same(3), kNoBias)),
      features_(add<nn::Conv>("features", spatial_dims, channels, channels, 3, ConvOptions::same(3), kNoBias)) {}

PadNet::PadNet(const ModelConfig& config)
    : SharedModel(config), messages_(per_task<nn::ModuleDict<Messages>>("messages")) {
  check_two_tasks(config);
  for (std::size_t t = 0; t < tasks().size(); ++t)
    if (tasks()[t].traits().pixel_level) pixel_tasks_.push_back(t);
  MEDUSA_CHECK_INPUT(pixel_tasks_.size() >= 2,
                     "architecture '{}' needs at least 2 tasks with an output per pixel, got {}: decoders exchange "
                     "features, and there is no other; use hps",
                     config.arch, pixel_tasks_.size());
  MEDUSA_CHECK_INPUT(!backbone_.decoder.empty(),
                     "architecture '{}' needs at least 2 levels, got {}: a decoder without a step exchanges nothing; "
                     "use hps",
                     config.arch, backbone_.levels());
  for (std::size_t t : pixel_tasks_) {
    auto& heard = messages_.put(t);
    for (std::size_t s : pixel_tasks_) {
      if (s == t) continue;
      Messages& steps = heard.put(tasks()[s].name);
      for (std::int64_t channels : backbone_.decoder) steps.push(config.spatial_dims, channels);
    }
  }
}

// At once for all pixel-level tasks t, f and the result in their order:
//   f_t + sum over s != t of sigma(Conv3x3(f_s)) * Conv3x3(f_s)    both convolutions for the pair (t, s) alone
std::vector<Var> PadNet::exchanged(std::size_t step, const std::vector<Var>& f) const {
  std::vector<Var> result;
  for (std::size_t t = 0; t < f.size(); ++t) {
    Var sum = f[t];
    for (std::size_t s = 0; s < f.size(); ++s)
      if (s != t) sum = sum + messages_[pixel_tasks_[t]][tasks()[pixel_tasks_[s]].name][step](f[s]);
    result.push_back(sum);
  }
  return result;
}

//   x --> encoder --p--> step_t,i of decoder_t --> exchange_i --> step_t,i-1 .. --> exchange_0 --> head_t --> y_t
//   image-level tasks as in HPS:  p_{L-1} --> head_t --> y_t
std::vector<Var> PadNet::outputs(const Var& x) {
  const std::vector<Var> p = encoder_.features(x).p;
  std::vector<Var> d(pixel_tasks_.size(), p.back());
  for (std::size_t i = backbone_.decoder.size(); i-- > 0;) {
    for (std::size_t k = 0; k < d.size(); ++k) d[k] = decoder(pixel_tasks_[k])->step(i, d[k], p);
    d = exchanged(i, d);
  }
  std::vector<Var> y(tasks().size());
  for (std::size_t k = 0; k < d.size(); ++k) y[pixel_tasks_[k]] = head(pixel_tasks_[k])(d[k]);
  for (std::size_t t = 0; t < y.size(); ++t)
    if (!decoder(t)) y[t] = head(t)(p.back());
  return y;
}

}  // namespace medusa::mtl

// Model: what every architecture is - a network from an image to one raw output per task.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mtl/networks/attention_record.h"
#include "mtl/networks/per_task.h"
#include "mtl/task.h"
#include "nn/module.h"

namespace medusa::mtl {

// CTAN's bottleneck, where the paper's abstract leaves room  [ours].
struct CtanOptions {
  enum class Axis { Spatial, Channel };            // which attends to which: places to places, or channels to channels
  enum class Projections { None, Linear };         // Q, K, V are the features themselves, or learned C x C maps of them
  enum class Parts { Both, Encoder, Bottleneck };  // which of CTAE and CTAB are there: for ablations
  Axis axis = Axis::Spatial;
  bool scale = true;  // divide the scores by sqrt(d), d the length of the dot product
  Projections projections = Projections::None;
  bool residual = true;  // E + O; false: O alone
  Parts parts = Parts::Both;
};
const char* name(CtanOptions::Axis axis);
const char* name(CtanOptions::Projections projections);
const char* name(CtanOptions::Parts parts);
// By name; throw InputError that lists the names.
CtanOptions::Axis ctan_axis(const std::string& name);
CtanOptions::Projections ctan_projections(const std::string& name);
CtanOptions::Parts ctan_parts(const std::string& name);

// Everything that determines a network's structure; written to and read from a run's config.
struct ModelConfig {
  std::string arch = "hps";          // stl | hps | mtan | ctan
  std::string backbone = "resunet";  // resunet | resnet18 | resnet34 | resnet50
  int spatial_dims = 2;              // 2: images [N, H, W, C]; 3: volumes [N, D, H, W, C]
  std::int64_t in_channels = 3;
  // Channels of each encoder level, outermost first; of a ResNet: inside the blocks of its four stages.
  std::vector<std::int64_t> widths{16, 32, 64, 128};
  std::vector<Task> tasks;
  CtanOptions ctan;  // of arch ctan
};

class Encoder;

class Model : public nn::Module {
 public:
  explicit Model(ModelConfig config) : config_(std::move(config)) {}
  const ModelConfig& config() const { return config_; }
  const std::vector<Task>& tasks() const { return config_.tasks; }

  // x [N, S, in_channels], sides of S multiples of size_multiple() -> per task, in order, raw outputs (logits or
  // regressed values): pixel-level [N, S, channels], image-level [N, channels].
  virtual std::vector<Var> outputs(const Var& x) = 0;
  // Tasks that share parameters, by index; each group has an optimiser and a best checkpoint of its own.  Every task
  // alone where each parameter belongs to a task (STL), else one group of all tasks.
  std::vector<std::vector<std::size_t>> groups() const;
  // Every encoder in it: STL has one for each task, the others one.
  virtual std::vector<Encoder*> encoders() { return {}; }
  std::int64_t size_multiple() const;

  // From now on outputs() writes what the attention did to `record`, which is emptied here and must live on; null: no
  // longer.  Costs nothing while off, and never changes the outputs.
  void record_attention(AttentionRecord* record);

 protected:
  // A child that holds a module of type M for each task.  What is added in another way is shared by all tasks.
  template <class M>
  PerTask<M>& per_task(const std::string& name) {
    return add<PerTask<M>>(name, tasks());
  }
  AttentionRecord* record() const { return record_; }  // null: nobody looks

 private:
  ModelConfig config_;
  AttentionRecord* record_ = nullptr;
};

// The architecture by name; throws InputError that lists the names.  Parameters are initialised with `seed`.
std::unique_ptr<Model> make_model(const ModelConfig& config, std::uint64_t seed = 0);
std::vector<std::string> architectures();

}  // namespace medusa::mtl

// Model: the interface of every architecture, a network from an image to one raw output per task.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mtl/networks/attention_record.h"
#include "mtl/networks/per_task.h"
#include "mtl/task.h"
#include "nn/module.h"
#include "tensor/options.h"

namespace medusa::mtl {

// Everything that determines a network's structure; saved in a run's checkpoints.
struct ModelConfig {
  std::string arch = "hps";          // one of architectures()
  std::string backbone = "resunet";  // resunet | resnet18 | resnet34 | resnet50
  std::string norm = "batch";        // batch | instance | group: behind every convolution
  int spatial_dims = 2;              // 2: images [N, H, W, C]; 3: volumes [N, D, H, W, C]
  std::int64_t in_channels = 3;
  // Channels of each encoder level, outermost first; of a ResNet: inside the blocks of its four stages.
  std::vector<std::int64_t> widths{16, 32, 64, 128};
  std::vector<Task> tasks;
  OptionValues options;  // the architecture's own, by name; absent ones have their defaults
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
  // Groups of tasks that share parameters, by index; each group has an optimiser and a best checkpoint of its own.  If
  // every parameter belongs to a task (STL), each task is a group; else all tasks are one.
  std::vector<std::vector<std::size_t>> groups() const;
  // All encoders of the model: STL has one per task, the others have one.
  virtual std::vector<Encoder*> encoders() { return {}; }
  // Of which number the sides of S must be multiples.
  virtual std::int64_t size_multiple() const;

  // Empties `record`; from now on outputs() writes the attention to it, so it must stay alive.  null: stops recording.
  // Costs nothing while off, and never changes the outputs.
  void record_attention(AttentionRecord* record);

 protected:
  // A child that holds a module of type M for each task.  Everything added in another way is shared by all tasks.
  template <class M>
  PerTask<M>& per_task(const std::string& name) {
    return add<PerTask<M>>(name, tasks());
  }
  AttentionRecord* record() const { return record_; }  // null: not recording

 private:
  ModelConfig config_;
  AttentionRecord* record_ = nullptr;
};

// One row of the table of architectures.
struct Architecture {
  std::string name, help;  // help: one line
  // Throws InputError if one of config.options does not exist or is out of range.
  std::function<std::unique_ptr<Model>(const ModelConfig& config)> make;
  // Adds the rows of its own options, bound to `values`; missing values get their defaults.
  std::function<void(Options& rows, OptionValues& values)> declare;
};

struct NoOptions {
  void declare(Options&) {}
};

// The row of an architecture M, constructed as M(config), or as M(config, options) if it has options of its own: a
// struct O that declares them (tensor/options.h).
template <std::derived_from<Model> M, class O = NoOptions>
Architecture architecture(const std::string& name, const std::string& help) {
  const auto make = [](const ModelConfig& config) -> std::unique_ptr<Model> {
    const O options = read_options<O>(config.options, config.arch + ": ");
    if constexpr (std::is_same_v<O, NoOptions>)
      return std::make_unique<M>(config);
    else  // one whose constructor does not take its options would ignore them in silence
      return std::make_unique<M>(config, options);
  };
  return {name, help, make, declare_values<O>};
}

// Adds an architecture from outside this library.  It then works like the others, including `train --arch NAME` in a
// program that registers it first.  Call this before starting threads.  Throws Error if the name is taken or has other
// characters than lower-case letters, digits, '_' and '-'.
void register_architecture(Architecture architecture);

// Throw InputError that lists the names if the name is unknown.  Parameters are initialised with `seed`.
std::unique_ptr<Model> make_model(const ModelConfig& config, std::uint64_t seed = 0);
const Architecture& find_architecture(const std::string& name);
std::vector<std::string> architectures();

}  // namespace medusa::mtl

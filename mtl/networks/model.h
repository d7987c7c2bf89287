// Model: what every architecture is - a network from an image to one raw output per task.
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

// Everything that determines a network's structure; written to and read from a run's config.
struct ModelConfig {
  std::string arch = "hps";          // one of architectures()
  std::string backbone = "resunet";  // resunet | resnet18 | resnet34 | resnet50
  std::string norm = "batch";        // batch | instance | group: behind every convolution
  int spatial_dims = 2;              // 2: images [N, H, W, C]; 3: volumes [N, D, H, W, C]
  std::int64_t in_channels = 3;
  // Channels of each encoder level, outermost first; of a ResNet: inside the blocks of its four stages.
  std::vector<std::int64_t> widths{16, 32, 64, 128};
  std::vector<Task> tasks;
  OptionValues options;  // the architecture's own, by name; one that is not here has its default
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

// One row of the table of architectures.
struct Architecture {
  std::string name, help;  // help: one line
  // Throws InputError where one of config.options does not exist or is out of range.
  std::function<std::unique_ptr<Model>(const ModelConfig& config)> make;
  // Adds the rows of its own options, bound to `values`, which gets the defaults of those that it lacks.
  std::function<void(Options& rows, OptionValues& values)> declare;
};

struct NoOptions {
  void declare(Options&) {}
};

// The row of an architecture M, which is made as M(config), or, where it has options of its own, as M(config, options);
// those are a struct O that declares them (tensor/options.h).
template <std::derived_from<Model> M, class O = NoOptions>
Architecture architecture(const std::string& name, const std::string& help) {
  const auto make = [](const ModelConfig& config) -> std::unique_ptr<Model> {
    const O options = read_options<O>(config.options, config.arch + ": ");
    if constexpr (std::is_constructible_v<M, const ModelConfig&, const O&>)
      return std::make_unique<M>(config, options);
    else
      return std::make_unique<M>(config);
  };
  return {name, help, make, declare_values<O>};
}

// Adds an architecture from outside of this library: it has all that the others have, `train --arch NAME` too in a
// program that registers it first.  Call it before the first thread is started.  Throws Error where the name is taken
// or is not lower-case letters, digits, '_' and '-'.
void register_architecture(Architecture architecture);

// Throw InputError that lists the names.  Parameters are initialised with `seed`.
std::unique_ptr<Model> make_model(const ModelConfig& config, std::uint64_t seed = 0);
const Architecture& find_architecture(const std::string& name);
std::vector<std::string> architectures();

}  // namespace medusa::mtl

#include "mtl/networks/model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <deque>

#include "mtl/networks/backbone.h"
#include "mtl/networks/cgc.h"
#include "mtl/networks/cross_stitch.h"
#include "mtl/networks/ctan.h"
#include "mtl/networks/hps.h"
#include "mtl/networks/mmoe.h"
#include "mtl/networks/mtan.h"
#include "mtl/networks/padnet.h"
#include "mtl/networks/stl.h"

namespace medusa::mtl {

namespace {

// A new architecture is one more line here.
std::deque<Architecture>& table() {
  static std::deque<Architecture> rows{
      architecture<STL>("stl", "a network for every task, nothing shared"),
      architecture<HPS>("hps", "one encoder, a branch for every task"),
      architecture<MTAN>("mtan", "hps, and a mask for every task at every level"),
      architecture<CTAN, CtanOptions>("ctan",
                                      "a task's mask is for the other tasks; cross-task attention at the bottleneck"),
      architecture<CrossStitch, CrossStitchOptions>("crossstitch",
                                                    "a network for every task, their features mixed after every level"),
      architecture<MMoE, MmoeOptions>("mmoe", "shared experts at every level, mixed by a gate of every task"),
      architecture<CGC, CgcOptions>("cgc", "mmoe, and experts of every task's own"),
      architecture<PadNet>("padnet", "hps whose pixel-level tasks exchange features between decoder steps")};
  return rows;
}

void check_config(const ModelConfig& config) {
  MEDUSA_CHECK_INPUT(config.spatial_dims == 2 || config.spatial_dims == 3, "model: spatial_dims must be 2 or 3, got {}",
                     config.spatial_dims);
  MEDUSA_CHECK_INPUT(config.in_channels >= 1, "model: input channels must be at least 1, got {}", config.in_channels);
  backbone_of(config);  // throws if backbone or widths are wrong
  check_tasks(config.tasks);
}

}  // namespace

std::int64_t Model::size_multiple() const { return backbone_of(config_).size_multiple(); }

void Model::record_attention(AttentionRecord* record) {
  record_ = record;
  if (record) *record = {};
}

std::vector<std::vector<std::size_t>> Model::groups() const {
  const std::vector<nn::Parameter> all = parameters();
  for (const nn::Parameter& p : all)
    MEDUSA_CHECK(p.owner < static_cast<int>(tasks().size()), "model: parameter '{}' belongs to task {} of {}", p.name,
                 p.owner, tasks().size());
  const bool shares = std::any_of(all.begin(), all.end(), [](const auto& p) { return p.owner == nn::kNoOwner; });
  std::vector<std::vector<std::size_t>> groups(shares ? 1 : tasks().size());
  for (std::size_t t = 0; t < tasks().size(); ++t) groups[shares ? 0 : t].push_back(t);
  return groups;
}

std::unique_ptr<Model> make_model(const ModelConfig& config, std::uint64_t seed) {
  check_config(config);
  std::unique_ptr<Model> model = find_architecture(config.arch).make(config);
  model->initialize(seed);
  return model;
}

void register_architecture(Architecture architecture) {
  const std::string& name = architecture.name;
  const bool good = !name.empty() && name != "help" && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  MEDUSA_CHECK(good, "architecture '{}': expected a name of lower-case letters, digits, '_' and '-'", name);
  const std::vector<std::string> names = architectures();
  MEDUSA_CHECK(std::find(names.begin(), names.end(), name) == names.end(), "architecture '{}': the name is taken",
               name);
  table().push_back(std::move(architecture));
}

const Architecture& find_architecture(const std::string& name) {
  for (const Architecture& row : table())
    if (row.name == name) return row;
  fail_input("architecture '{}' is unknown, expected one of: {}{}", name, fmt::join(architectures(), ", "),
             did_you_mean(name, architectures()));
}

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const Architecture& row : table()) names.push_back(row.name);
  return names;
}

}  // namespace medusa::mtl

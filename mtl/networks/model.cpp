#include "mtl/networks/model.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "mtl/networks/backbone.h"
#include "mtl/networks/ctan.h"
#include "mtl/networks/hps.h"
#include "mtl/networks/mtan.h"
#include "mtl/networks/stl.h"

namespace medusa::mtl {

namespace {

template <class M>
std::unique_ptr<Model> construct(const ModelConfig& config) {
  return std::make_unique<M>(config);
}

// A new architecture is one more line here.
struct Architecture {
  const char* name;
  std::unique_ptr<Model> (*make)(const ModelConfig&);
};
constexpr Architecture kArchitectures[] = {
    {"stl", construct<STL>}, {"hps", construct<HPS>}, {"mtan", construct<MTAN>}, {"ctan", construct<CTAN>}};

void check_config(const ModelConfig& config) {
  MEDUSA_CHECK_INPUT(config.spatial_dims == 2 || config.spatial_dims == 3, "model: spatial_dims must be 2 or 3, got {}",
                     config.spatial_dims);
  MEDUSA_CHECK_INPUT(config.in_channels >= 1, "model: input channels must be at least 1, got {}", config.in_channels);
  backbone_of(config);  // which says what is wrong with backbone or widths
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

const char* name(CtanOptions::Axis axis) { return axis == CtanOptions::Axis::Spatial ? "spatial" : "channel"; }

const char* name(CtanOptions::Projections projections) {
  return projections == CtanOptions::Projections::None ? "none" : "linear";
}

const char* name(CtanOptions::Parts parts) {
  return parts == CtanOptions::Parts::Both ? "both" : parts == CtanOptions::Parts::Encoder ? "encoder" : "bottleneck";
}

CtanOptions::Axis ctan_axis(const std::string& text) {
  for (auto axis : {CtanOptions::Axis::Spatial, CtanOptions::Axis::Channel})
    if (text == name(axis)) return axis;
  fail_input("ctan: attention '{}' is unknown, expected spatial or channel", text);
}

CtanOptions::Projections ctan_projections(const std::string& text) {
  for (auto projections : {CtanOptions::Projections::None, CtanOptions::Projections::Linear})
    if (text == name(projections)) return projections;
  fail_input("ctan: projections '{}' are unknown, expected none or linear", text);
}

CtanOptions::Parts ctan_parts(const std::string& text) {
  for (auto parts : {CtanOptions::Parts::Both, CtanOptions::Parts::Encoder, CtanOptions::Parts::Bottleneck})
    if (text == name(parts)) return parts;
  fail_input("ctan: parts '{}' are unknown, expected both, encoder or bottleneck", text);
}

std::unique_ptr<Model> make_model(const ModelConfig& config, std::uint64_t seed) {
  check_config(config);
  for (const Architecture& architecture : kArchitectures) {
    if (config.arch != architecture.name) continue;
    auto model = architecture.make(config);
    model->initialize(seed);
    return model;
  }
  fail_input("architecture '{}' is unknown, expected one of: {}", config.arch, fmt::join(architectures(), ", "));
}

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures) names.emplace_back(architecture.name);
  return names;
}

}  // namespace medusa::mtl

#include "mtl/networks/backbone.h"

#include <fmt/ranges.h>

#include <optional>

#include "mtl/networks/resnet.h"
#include "mtl/networks/resunet.h"

namespace medusa::mtl {

namespace {

// A ResNet of another depth is one more line here.
struct Entry {
  const char* name;
  std::vector<std::int64_t> widths;
  std::optional<ResNetDepth> resnet;  // empty: resunet
};

const std::vector<Entry>& table() {
  static const std::vector<Entry> entries{{"resunet", {16, 32, 64, 128}, {}},
                                          {"resnet18", {64, 128, 256, 512}, ResNetDepth{{2, 2, 2, 2}, false}},
                                          {"resnet34", {64, 128, 256, 512}, ResNetDepth{{3, 4, 6, 3}, false}},
                                          {"resnet50", {64, 128, 256, 512}, ResNetDepth{{3, 4, 6, 3}, true}}};
  return entries;
}

const Entry& entry_of(const std::string& name) {
  for (const Entry& entry : table())
    if (name == entry.name) return entry;
  fail_input("backbone '{}' is unknown, expected one of: {}", name, fmt::join(backbones(), ", "));
}

constexpr std::size_t kMaxLevels = 16;

const Entry& checked_entry(const ModelConfig& config) {
  const Entry& entry = entry_of(config.backbone);
  const std::vector<std::int64_t>& widths = config.widths;
  MEDUSA_CHECK_INPUT(!widths.empty() && widths.size() <= kMaxLevels, "model: expected 1 to {} widths, got {}",
                     kMaxLevels, widths.size());
  for (std::int64_t width : widths) MEDUSA_CHECK_INPUT(width >= 1, "model: widths must be at least 1, got {}", width);
  MEDUSA_CHECK_INPUT(!entry.resnet || widths.size() == entry.resnet->blocks.size(),
                     "model: backbone '{}' has {} stages and needs as many widths, got {}", entry.name,
                     entry.resnet->blocks.size(), widths.size());
  return entry;
}

}  // namespace

std::vector<std::string> backbones() {
  std::vector<std::string> names;
  for (const Entry& entry : table()) names.emplace_back(entry.name);
  return names;
}

std::vector<std::int64_t> default_widths(const std::string& backbone) { return entry_of(backbone).widths; }

Backbone backbone_of(const ModelConfig& config) {
  const Entry& entry = checked_entry(config);
  const std::vector<std::int64_t>& w = config.widths;
  Backbone backbone;
  backbone.channels = w;
  backbone.norm = nn::norm_of(config.norm);
  backbone.decoder.assign(w.begin(), w.end() - 1);
  if (!entry.resnet) return backbone;
  // The stem halves the image twice before level 0, so the decoder doubles it twice more, without skips  [ours].
  backbone.stride = ResNet::kStride;
  for (std::int64_t& channels : backbone.channels) channels *= entry.resnet->expansion();
  for (std::int64_t divisor : {2, 4})
    backbone.decoder.insert(backbone.decoder.begin(), std::max<std::int64_t>(1, w[0] / divisor));
  backbone.attention_divisor = entry.resnet->expansion();
  return backbone;
}

std::unique_ptr<Encoder> make_encoder(const ModelConfig& config) {
  const Entry& entry = checked_entry(config);
  const nn::Norm norm = nn::norm_of(config.norm);
  if (entry.resnet)
    return std::make_unique<ResNet>(config.spatial_dims, config.in_channels, config.widths, *entry.resnet, norm);
  return std::make_unique<ResUNet>(config.spatial_dims, config.in_channels, config.widths, norm);
}

std::unique_ptr<nn::Module> make_refine(const ModelConfig& config, std::size_t j) {
  const Entry& entry = checked_entry(config);
  const Backbone backbone = backbone_of(config);
  const std::int64_t in = backbone.channels.at(j), next = config.widths.at(j + 1);
  if (!entry.resnet) return std::make_unique<nn::ResBlock>(config.spatial_dims, in, next, backbone.norm);
  if (entry.resnet->bottleneck) return std::make_unique<Bottleneck>(config.spatial_dims, in, next, 1, backbone.norm);
  return std::make_unique<BasicBlock>(config.spatial_dims, in, next, 1, backbone.norm);
}

}  // namespace medusa::mtl

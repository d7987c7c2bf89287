#include "tools/train/arch_help.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace medusa::tools {

namespace {

// 1234567 as 1,234,567
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, ",");
  return text;
}

// A part of a network: its parameters, and those of each of its levels, or experts, where it has one module for each.
struct Part {
  std::string name;
  std::int64_t parameters = 0;
  std::vector<std::int64_t> levels;
};

// How many components of a parameter's name are its part's: "attention.lesion.0.conv1.weight", which belongs to a task,
// is of "attention.lesion", "refine.0.conv1.weight" of "refine".  Whole networks ("nets") show their own parts.
std::size_t depth_of(const nn::Parameter& p, const std::vector<std::string>& path) {
  const std::size_t depth = path[0] == "nets" ? 3 : p.owner == nn::kNoOwner ? 1 : 2;
  return std::min(depth, path.size());
}

std::vector<std::string> components(const std::string& name) {
  std::vector<std::string> all;
  std::size_t from = 0;
  for (std::size_t dot; (dot = name.find('.', from)) != std::string::npos; from = dot + 1)
    all.push_back(name.substr(from, dot - from));
  all.push_back(name.substr(from));
  return all;
}

std::vector<Part> parts_of(const mtl::Model& model) {
  std::vector<Part> parts;
  for (const nn::Parameter& p : model.parameters()) {
    const std::vector<std::string> path = components(p.name);
    const std::size_t depth = depth_of(p, path);
    const std::string name = fmt::format("{}", fmt::join(path.begin(), path.begin() + static_cast<long>(depth), "."));
    if (parts.empty() || parts.back().name != name) parts.push_back({name, 0, {}});
    const std::int64_t count = p.var.value().numel();
    parts.back().parameters += count;
    if (depth == path.size() || path[depth].find_first_not_of("0123456789") != std::string::npos) continue;
    parts.back().levels.resize(static_cast<std::size_t>(std::stoll(path[depth])) + 1);
    parts.back().levels.back() += count;
  }
  return parts;
}

// The options of its own, with defaults.
std::string options_text(const mtl::Architecture& architecture) {
  OptionValues defaults;
  Options rows;
  architecture.declare(rows, defaults);
  std::string text;
  for (const Option& row : rows.rows())
    text += fmt::format("  {:<28} {:>12}   {}\n", fmt::format("--{}-{}", architecture.name, row.name),
                        toml_text(row.value()), row.help);
  return text;
}

std::string table(const mtl::ModelConfig& config) {
  const mtl::Architecture& architecture = mtl::find_architecture(config.arch);
  const std::string heading = fmt::format("\n{}: {}\n", config.arch, architecture.help);
  std::unique_ptr<mtl::Model> model;
  try {
    model = mtl::make_model(config);
  } catch (const InputError& error) {
    return fmt::format("{}  {}\n", heading, error.what()) + options_text(architecture);
  }
  std::string text = heading;
  for (const Part& part : parts_of(*model)) {
    text += fmt::format("  {:<28} {:>12}", part.name, grouped(part.parameters));
    std::string levels;
    for (std::int64_t count : part.levels) levels += (levels.empty() ? "" : " + ") + grouped(count);
    const char* what = part.name.find("experts") == std::string::npos ? "levels" : "experts";
    text += (levels.empty() ? "" : fmt::format("   {}: {}", what, levels)) + "\n";
  }
  return text + fmt::format("  {:<28} {:>12}\n", "all", grouped(model->parameter_count())) + options_text(architecture);
}

}  // namespace

std::string architectures_text(mtl::ModelConfig config, const std::map<std::string, OptionValues>& options) {
  std::vector<std::string> tasks;
  for (const mtl::Task& task : config.tasks)
    tasks.push_back(
        fmt::format("{} ({}, {} channel{})", task.name, name(task.kind), task.channels, task.channels == 1 ? "" : "s"));
  std::string text = fmt::format(
      "Parameters of every part. Backbone {}, widths {}, {}D input of {} channels; tasks: {}.\n", config.backbone,
      fmt::join(config.widths, ","), config.spatial_dims, config.in_channels, fmt::join(tasks, ", "));
  for (const std::string& arch : mtl::architectures()) {
    const auto own = options.find(arch);
    config.arch = arch;
    config.options = own == options.end() ? OptionValues() : own->second;
    text += table(config);
  }
  return text;
}

}  // namespace medusa::tools

#include "nn/norm.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace medusa::nn {

namespace {
constexpr const char* kNames[] = {"batch", "instance", "group"};
constexpr std::int64_t kGroups = 32;
}  // namespace

std::vector<std::string> norms() { return {std::begin(kNames), std::end(kNames)}; }

const char* name(Norm norm) { return kNames[static_cast<std::size_t>(norm)]; }

Norm norm_of(const std::string& text) {
  for (Norm norm : {Norm::Batch, Norm::Instance, Norm::Group})
    if (text == name(norm)) return norm;
  fail_input("norm '{}' is unknown, expected one of: {}", text, fmt::join(norms(), ", "));
}

std::int64_t groups_of(std::int64_t channels) {
  std::int64_t groups = std::min(kGroups, channels);
  while (groups > 1 && channels % groups != 0) --groups;
  return groups;
}

std::unique_ptr<Module> make_norm(Norm norm, std::int64_t channels, bool relu) {
  switch (norm) {
    case Norm::Batch: return std::make_unique<BatchNorm>(channels, relu);
    case Norm::Instance: return std::make_unique<InstanceNorm>(channels, relu);
    case Norm::Group: return std::make_unique<GroupNorm>(groups_of(channels), channels, relu);
  }
  fail("norm: kind {}", static_cast<int>(norm));
}

}  // namespace medusa::nn

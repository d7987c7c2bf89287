#include "datasets/layouts/registry.h"

#include <algorithm>

#include "datasets/layouts/folder.h"
#include "datasets/layouts/ham10000.h"
#include "datasets/layouts/openkbp.h"
#include "datasets/layouts/prostate.h"
#include "datasets/layouts/stoic.h"

namespace medusa::datasets {
namespace {

using Open = std::unique_ptr<Dataset> (*)(const DatasetOptions&);

template <class D>
std::unique_ptr<Dataset> open_as(const DatasetOptions& options) {
  return std::make_unique<D>(options);
}
template <CasePlan (*plan)(const DatasetOptions&)>
std::unique_ptr<Dataset> open_cases(const DatasetOptions& options) {
  return std::make_unique<CaseDataset>(plan(options), options);
}

// A new layout is one more line here.
struct Layout {
  const char* name;
  Extent size;      // to begin with; none: the folder says it
  bool spacing;     // can be chosen
  bool disk_cache;  // keeps decoded samples on disk
  Open open;
};
constexpr Layout kLayouts[] = {
    {"ham10000", {96, 128}, false, false, open_as<Ham10000>},
    {"openkbp", {64, 64, 64}, false, true, open_as<OpenKbp>},
    {"stoic", {64, 64, 64}, true, true, open_cases<stoic_plan>},
    {"prostate", {64, 64, 64}, true, true, open_cases<prostate_plan>},
    {"folder", {}, true, true, open_cases<folder_plan>},
};

const Layout& layout(const std::string& name) {
  const auto* found =
      std::find_if(std::begin(kLayouts), std::end(kLayouts), [&](const Layout& l) { return name == l.name; });
  if (found == std::end(kLayouts))
    fail_input("dataset {} is unknown; there are: {}{}", name, fmt::join(dataset_names(), ", "),
               did_you_mean(name, dataset_names()));
  return *found;
}

}  // namespace

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const Layout& l : kLayouts) names.emplace_back(l.name);
  return names;
}

std::string default_sizes_text() {
  std::string text;
  for (const Layout& l : kLayouts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", l.name,
                        l.size.empty() ? "what its dataset.toml says" : l.size.text());
  return text;
}

Extent default_size(const std::string& name, const std::string& folder) {
  const Layout& l = layout(name);
  return l.size.empty() ? folder_size(folder) : l.size;
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  const Layout& l = layout(options.name);
  MEDUSA_CHECK_INPUT(l.spacing || options.spacing.empty(), "{}: spacing cannot be chosen: it follows from the size",
                     l.name);
  MEDUSA_CHECK_INPUT(l.disk_cache || options.cache_folder.empty(),
                     "{}: caches in memory only, not on disk (cache-disk)", l.name);
  return l.open(options);
}

}  // namespace medusa::datasets

#include "tools/compare/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>

#include "mtl/inference/padding.h"
#include "mtl/networks/model.h"
#include "tensor/check.h"
#include "tensor/memory.h"
#include "tools/train/network.h"

namespace medusa::tools {

namespace {

constexpr double kMiB = 1024 * 1024;
constexpr double kProgram = 16;    // of the program itself
constexpr double kBackward = 1.5;  // the backward pass holds gradients of activations besides

// MiB that a forward pass of `count` inputs leaves for the backward pass.
double activations_mib(mtl::Model& model, const Shape& input, std::int64_t count) {
  const std::int64_t before = memory_stats().in_use;
  Shape shape{count};
  for (std::int64_t d = 0; d < input.rank(); ++d) shape.push_back(input[d]);
  const std::vector<Var> outputs = mtl::outputs_any_size(model, Var(Tensor::zeros(shape)));
  return static_cast<double>(memory_stats().in_use - before) / kMiB;
}

double sample_mib(const datasets::Dataset& dataset) {
  const datasets::Sample sample = dataset.get(0);
  std::int64_t numbers = sample.input.numel();
  for (const datasets::Target& target : sample.targets)
    for (const Tensor* part : {&target.value, &target.mask})
      if (*part) numbers += part->numel();
  return static_cast<double>(numbers) * sizeof(real) / kMiB;
}

// The number in a file of the system's, in MiB; infinite where there is none.
double system_mib(const char* file, const std::string& key, double unit) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    if (!key.empty() && word != key) continue;
    double value = 0;
    if (key.empty() ? word.find_first_not_of("0123456789") == std::string::npos : static_cast<bool>(in >> value))
      return (key.empty() ? std::stod(word) : value) * unit / kMiB;
    break;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

double training_mib(const RunOptions& options, const datasets::Dataset& dataset) {
  std::vector<std::size_t> target_of_task;
  const auto model = mtl::make_model(network_config(options, dataset, &target_of_task), options.seed);
  Shape input = dataset.input_shape();
  if (!options.patch.empty()) {
    Shape piece;
    for (std::int64_t side : patch_of(options).sides()) piece.push_back(side);
    piece.push_back(input[-1]);
    input = piece;
  }
  const double one = activations_mib(*model, input, 1), two = activations_mib(*model, input, 2);
  const auto batch = static_cast<double>(options.batch);
  const double activations = one + std::max(two - one, 0.0) * (batch - 1), sample = sample_mib(dataset);
  // Weights, gradients, two moments, the best weights and a copy while they are saved.
  const double network = 6 * static_cast<double>(model->parameter_count()) * sizeof(real) / kMiB;
  const double cache = std::min(static_cast<double>(options.cache_mib), sample * static_cast<double>(dataset.size()));
  return kProgram + network + kBackward * activations + cache + 2 * (options.workers + 1) * batch * sample;
}

double available_mib() {
  double free = system_mib("/proc/meminfo", "MemAvailable:", 1024);
  const double most = system_mib("/sys/fs/cgroup/memory.max", "", 1);
  const double used = system_mib("/sys/fs/cgroup/memory.current", "", 1);
  if (most < std::numeric_limits<double>::infinity() && used < most) free = std::min(free, most - used);
  return free;
}

std::string check_memory(const std::vector<RunOptions>& runs, const datasets::Dataset& dataset, std::size_t jobs) {
  std::map<std::string, double> known;  // runs of a row differ in seed and fold alone
  std::vector<double> sizes;
  for (RunOptions options : runs) {
    options.seed = 0;
    options.fold.fold = 0;
    const std::string text = config_text(options);
    if (!known.count(text)) known[text] = training_mib(options, dataset);
    sizes.push_back(known[text]);
  }
  release_cached_memory();
  std::sort(sizes.rbegin(), sizes.rend());
  const double available = available_mib();
  const auto sum = [&](std::size_t count) {
    return std::accumulate(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(count), 0.0);
  };
  std::size_t fit = std::min(jobs, sizes.size());
  const double needed = sum(fit);
  while (fit > 0 && sum(fit) > available) --fit;
  MEDUSA_CHECK_INPUT(fit >= std::min(jobs, sizes.size()),
                     "--jobs {}: the runs need about {:.0f} MiB, the largest of them {:.0f}, and {:.0f} MiB are "
                     "available; {}",
                     jobs, needed, sizes[0], available,
                     fit > 0 ? fmt::format("--jobs {} fits", fit) : std::string("a smaller --batch needs less"));
  return fmt::format("{} runs at a time: about {:.0f} MiB of {:.0f} MiB that are available", jobs, needed, available);
}

}  // namespace medusa::tools
